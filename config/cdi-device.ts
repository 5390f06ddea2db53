/** Whether a device is called as CDI does, such as "nvidia.com/gpu=0"; all else is an index or a UUID. */
export const isCdi = (device: string) => device.includes("=");
