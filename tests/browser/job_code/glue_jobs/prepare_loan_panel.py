from probe import arguments, publish

given = arguments()
publish(
    given["output_root"],
    b"1,720,80\n2,640,95\n",  # loan_id, then what the model reads
    counts={"scoring": {"loans_on_tape": 2}},
    score_date=given["as_of_date"],
    as_of_date=given["as_of_date"],
)
