import type { GpuVendor } from "./node-args.ts";

/** How a GPU may be called. */
export type DeviceForm = "index" | "UUID" | "MIG" | "CDI" | "path";

/** In which form a device is called; undefined for what is no device. */
export function deviceForm(device: string): DeviceForm | undefined {
  return FORMS.find(([, pattern]) => pattern.test(device))?.[0];
}

const FORMS: readonly [DeviceForm, RegExp][] = [
  ["index", /^\d{1,3}$/],
  ["UUID", /^GPU-[\w-]{1,60}$/],
  ["MIG", /^(MIG-[\w/-]{1,80}|\d{1,2}:\d{1,2})$/],
  ["CDI", /^[\w.-]{1,120}\/[\w.-]{1,60}=[\w.:-]{1,60}$/],
  ["path", /^\/dev(\/[\w-][\w.-]{0,60}){1,4}$/],
];

/**
 * Which forms a vendor's runtime takes. Source: NVIDIA container toolkit, NVIDIA_VISIBLE_DEVICES; ROCm,
 * ROCR_VISIBLE_DEVICES; ggml, GGML_VK_VISIBLE_DEVICES; Docker, --device.
 */
export const TAKEN_FORMS: Record<Exclude<GpuVendor, "none">, readonly DeviceForm[]> = {
  nvidia: ["index", "UUID", "MIG", "CDI"],
  amd: ["index", "UUID", "CDI", "path"],
  vulkan: ["index", "CDI", "path"],
};

/** Whether all of these devices are called in a form, and there are any. */
export const areAll = (devices: readonly string[] | undefined, form: DeviceForm): boolean =>
  devices !== undefined && devices.length > 0 && devices.every((one) => deviceForm(one) === form);
