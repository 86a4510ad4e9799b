from probe import arguments, publish

publish(arguments()["output_root"], b"1\n", counts={"tables": {}})
