/** The environment of the engine contract. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ENGINE_NAMES, type EngineName } from '../../shared/learning/engines/engine.ts';

/** Engines that must work here: a comma-separated list in CONSILIUM_REQUIRE_ENGINES. */
export function requiredEngines(): ReadonlySet<EngineName> {
  const words = (process.env['CONSILIUM_REQUIRE_ENGINES'] ?? '').split(',').map((word) => word.trim());
  const unknown = words.filter((word) => word !== '' && !ENGINE_NAMES.some((name) => name === word));
  if (unknown.length > 0) {
    throw new Error(`CONSILIUM_REQUIRE_ENGINES names unknown engines: ${unknown.join(', ')}`);
  }
  return new Set(ENGINE_NAMES.filter((name) => words.includes(name)));
}

/** Debian's chromium brings a Vulkan loader and a driver in software. */
const SOFTWARE_VULKAN = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The environment for an engine's process; WebGPU runs in software where a driver for that is installed. */
export function environmentFor(name: EngineName): NodeJS.ProcessEnv {
  const inherited = process.env;
  if (name !== 'onnx-webgpu' || inherited['VK_ICD_FILENAMES'] !== undefined) return inherited;
  if (!existsSync(SOFTWARE_VULKAN)) return inherited;
  const libraries = [dirname(SOFTWARE_VULKAN), inherited['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  return { ...inherited, VK_ICD_FILENAMES: SOFTWARE_VULKAN, LD_LIBRARY_PATH: libraries };
}
