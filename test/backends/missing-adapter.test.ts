import path from 'node:path';
import test from 'ava';
import { missingForAdapter, type Machine } from '../../src/backends/missing-adapter.js';

/** A Linux machine with these files (manifests with their text) and nothing else. */
function machine(files: Record<string, string>, env: NodeJS.ProcessEnv = {}): Machine {
  return {
    platform: 'linux',
    env,
    home: '/home/me',
    exists: (file) => file in files,
    list: (folder) =>
      Object.keys(files).flatMap((file) => (path.dirname(file) === folder ? [path.basename(file)] : [])),
    read: (file) => files[file]!,
    linkerCache: () => '',
  };
}

const manifest = (library: string) => JSON.stringify({ ICD: { library_path: library } });
const LOADER = { '/usr/lib/x86_64-linux-gnu/libvulkan.so.1': '' };
const MESA = {
  '/usr/share/vulkan/icd.d/radeon_icd.x86_64.json': manifest('/usr/lib/libvulkan_radeon.so'),
  '/usr/lib/libvulkan_radeon.so': '',
};
const NVIDIA = { '/dev/nvidia3': '', '/usr/lib/x86_64-linux-gnu/libcuda.so.1': '' };

const cases: [what: string, machine: Machine, parts: RegExp[], remedy: RegExp][] = [
  ['no loader', machine(MESA), [/loader \(libvulkan\.so\.1\) is not here/], /libvulkan1/],
  ['no driver', machine(LOADER), [/no driver \(no \*\.json in/], /mesa-vulkan-drivers.*VK_ICD_FILENAMES/],
  [
    'a driver whose library is gone',
    machine({ ...LOADER, '/etc/vulkan/icd.d/x.json': manifest('../../gone.so') }),
    [/driver \/etc\/vulkan\/icd\.d\/x\.json names \.\.\/\.\.\/gone\.so, which is not here/],
    /install/,
  ],
  [
    'a variable that names nothing',
    machine({ ...LOADER, ...MESA }, { VK_ICD_FILENAMES: '/nowhere.json' }),
    [/VK_ICD_FILENAMES=\/nowhere\.json names no driver that is here/],
    /unset it/,
  ],
  [
    "a container without NVIDIA's graphics capability",
    machine({ ...NVIDIA, ...MESA }),
    [/loader/, /NVIDIA's driver is here without its Vulkan part/],
    /libvulkan1.*NVIDIA_DRIVER_CAPABILITIES=all/,
  ],
  [
    'all parts',
    machine(
      {
        ...NVIDIA,
        '/opt/lib/libvulkan.so.1': '',
        '/opt/lib/libGLX_nvidia.so.0': '',
        '/etc/vulkan/icd.d/nvidia_icd.json': manifest('libGLX_nvidia.so.0'),
      },
      { LD_LIBRARY_PATH: '/opt/lib' },
    ),
    [/drivers \(nvidia_icd\.json\) are here, and none shows a GPU/],
    /vulkaninfo/,
  ],
];

for (const [what, where, parts, remedy] of cases)
  test(`${what}: the error says so, and what to do`, (t) => {
    const missing = missingForAdapter(where);
    t.is(missing.length, parts.length, JSON.stringify(missing));
    parts.forEach((part, i) => t.regex(missing[i]!.part, part));
    t.regex(missing.map((each) => each.remedy).join('; '), remedy);
  });
