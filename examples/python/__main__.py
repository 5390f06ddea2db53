import pulumi
import pulumi_ollama_mesh as ollama

config = pulumi.Config()

mesh = ollama.OllamaMesh(
    f"{pulumi.get_project()}-{pulumi.get_stack()}",
    nodes=[
        ollama.NodeArgs(
            name="one",
            host=config.require("host"),
            gpus=ollama.GpuArgs(vendor=ollama.GpuVendor(config.require("gpus"))),
        )
    ],
    models=[config.require("model")],
    balancer=ollama.BalancerArgs(listen=ollama.ListenArgs(port=config.require_int("port"))),
)

pulumi.export("endpoint", mesh.endpoint)
pulumi.export("nodes", mesh.nodes)
pulumi.export("curl", mesh.curl)
