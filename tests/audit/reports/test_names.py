from tf_ssd.audit.reports.names import short_names


def test_a_function_with_as_much_of_its_module_as_tells_it_from_others():
    names = ["tf_ssd", "a.losses:multibox", "b.losses:multibox", "c.d.losses:focal", "losses:focal", "whole.module"]
    assert list(short_names(names).values()) == [
        "tf_ssd",
        "a.losses:multibox",
        "b.losses:multibox",
        "d.losses:focal",
        "losses:focal",
        "whole.module",
    ]
    assert short_names(["package.losses:multibox", "tf_ssd"])["package.losses:multibox"] == "losses:multibox"
