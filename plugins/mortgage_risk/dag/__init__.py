"""What a DAG file needs: parameters, business date, timetable, assets, notifications, its first and last tasks."""
