from probe import arguments, publish

given = arguments()
kept = ("source", "score_date", "transform_uri", "model_package_arn", "model_package_version")
publish(
    given["output_root"],
    b"1,0.01\n2,0.02\n",
    input_prefix=f"{given['input_root']}attempt=1/",
    **{name: given[name] for name in kept},
)
