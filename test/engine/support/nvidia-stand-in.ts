/**
 * Shell lines that make a Docker engine offer NVIDIA GPUs from its next start on, without any: the runtime as
 * `nvidia-ctk runtime configure` names it, and the program that would put the devices into containers.
 */
export const NVIDIA_STAND_IN = `
mkdir -p /etc/docker
printf '{"runtimes":{"nvidia":{"path":"runc"}}}' > /etc/docker/daemon.json
printf '#!/bin/sh\\nexit 0\\n' > /usr/bin/nvidia-container-runtime-hook
chmod 755 /usr/bin/nvidia-container-runtime-hook
`;
