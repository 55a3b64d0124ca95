from tf_ssd.network.output import Output


def test_a_layer_made_again_from_its_config_knows_its_network():
    again = Output.from_config(Output({"width": 0.5}, name="logits").get_config())
    assert (again.network, again.name, again.axis) == ({"width": 0.5}, "logits", 1)
