import json

from probe import arguments, write

given = arguments()
outcome = {
    "suite": given["suite"],
    "success": True,
    "statistics": {"passed": 1, "failed": 0, "warnings": 0, "evaluated": 1},
    "expectations": [],
}
place = f"{given['suite']}/source={given['source']}/run_date={given['run_date']}"
write(f"{given['result_root']}{place}/result.json", json.dumps(outcome).encode())
