// Why there is no GPU adapter on Linux: which part between Dawn and the GPU is missing, and what to do about it. Dawn opens
// Vulkan's loader, the loader reads the drivers' manifests (*.json), and a manifest names the driver's library. Where the loader
// looks: https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What this asks of the machine; tests pass another one. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  exists(file: string): boolean;
  /** Names in a folder; none where it cannot be read. */
  list(folder: string): string[];
  /** @throws where the file cannot be read. */
  read(file: string): string;
  /** What the dynamic linker knows, as `ldconfig -p` prints it; empty where that is not to be had. */
  linkerCache(): string;
}

/** What is missing, and what to do. */
export interface Missing {
  readonly part: string;
  readonly remedy: string;
}

const LOADER = 'libvulkan.so.1';
const LIBRARY_FOLDERS = [
  ...['/usr/lib', '/lib', '/usr/lib64', '/lib64', '/usr/local/lib'],
  ...['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/local/nvidia/lib64'],
];

/** One entry a missing part; where all are there, one that says so. */
export function missingForAdapter(machine: Machine = thisMachine): Missing[] {
  if (machine.platform !== 'linux') return [{ part: 'the system shows none', remedy: "update the GPU's driver" }];
  const missing = [missingLoader(machine), missingDriver(machine)].filter((part) => part !== null);
  if (missing.length > 0) return missing;
  const names = workingDrivers(machine).map(({ file }) => path.basename(file));
  return [
    {
      part: `Vulkan's loader and its drivers (${names.join(', ')}) are here, and none shows a GPU that Dawn takes`,
      remedy: 'see what `vulkaninfo --summary` shows; /dev/dri/renderD* or /dev/nvidia* must be open to this user',
    },
  ];
}

function missingLoader(machine: Machine): Missing | null {
  if (hasLibrary(machine, LOADER)) return null;
  return { part: `Vulkan's loader (${LOADER}) is not here`, remedy: 'install it (Debian and Ubuntu: libvulkan1)' };
}

function missingDriver(machine: Machine): Missing | null {
  const { env } = machine;
  const variable = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => env[name]);
  const manifests = driverManifests(machine);
  const working = workingDrivers(machine);
  if (variable !== undefined && working.length === 0)
    return {
      part: `${variable}=${env[variable]} names no driver that is here`,
      remedy: `unset it, or name the driver's .json file`,
    };
  if (variable === undefined && hasNvidiaGpu(machine) && !working.some(isNvidia))
    return {
      part:
        "NVIDIA's driver is here without its Vulkan part (nvidia_icd.json, libGLX_nvidia.so.0), " +
        'as in a container without the graphics capability',
      remedy:
        'start the container with NVIDIA_DRIVER_CAPABILITIES=all; outside of one install the GL part of the driver ' +
        '(libnvidia-gl)',
    };
  if (working.length > 0) return null;
  const [broken] = manifests;
  return {
    part:
      broken === undefined
        ? 'Vulkan has no driver (no *.json in /usr/share/vulkan/icd.d or /etc/vulkan/icd.d)'
        : `Vulkan's driver ${broken.file} names ${broken.library}, which is not here`,
    remedy:
      "install the GPU's driver (AMD and Intel: mesa-vulkan-drivers); for a software GPU set VK_ICD_FILENAMES to " +
      "SwiftShader's vk_swiftshader_icd.json (Debian: package chromium)",
  };
}

interface Driver {
  readonly file: string;
  /** As its manifest names it: a path, or a name for the dynamic linker. */
  readonly library: string;
}

function workingDrivers(machine: Machine): Driver[] {
  return driverManifests(machine).filter(({ file, library }) =>
    library.includes('/')
      ? machine.exists(path.resolve(path.dirname(file), library))
      : library !== '' && hasLibrary(machine, library),
  );
}

function driverManifests(machine: Machine): Driver[] {
  const { env, home } = machine;
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  const places =
    named?.split(':') ??
    [
      env.XDG_CONFIG_HOME || path.join(home, '.config'),
      ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':'),
      ...['/usr/local/etc', '/etc'],
      env.XDG_DATA_HOME || path.join(home, '.local', 'share'),
      ...(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':'),
    ].map((folder) => path.join(folder, 'vulkan', 'icd.d'));
  return [...places, ...(env.VK_ADD_DRIVER_FILES?.split(':') ?? [])]
    .flatMap((place) =>
      place.endsWith('.json')
        ? [place]
        : machine.list(place).flatMap((name) => (name.endsWith('.json') ? [path.join(place, name)] : [])),
    )
    .filter((file) => machine.exists(file))
    .map((file) => ({ file, library: libraryOf(machine, file) }));
}

function libraryOf(machine: Machine, file: string): string {
  try {
    return (JSON.parse(machine.read(file)) as { ICD: { library_path: string } }).ICD.library_path;
  } catch {
    return '';
  }
}

function hasNvidiaGpu(machine: Machine): boolean {
  return machine.list('/dev').some((name) => /^nvidia\d+$/.test(name)) || hasLibrary(machine, 'libcuda.so.1');
}

function isNvidia({ file, library }: Driver): boolean {
  return /nvidia/i.test(path.basename(file) + library);
}

function hasLibrary(machine: Machine, name: string): boolean {
  const folders = [...(machine.env.LD_LIBRARY_PATH?.split(':') ?? []), ...LIBRARY_FOLDERS];
  return (
    folders.some((folder) => folder !== '' && machine.exists(path.join(folder, name))) ||
    machine.linkerCache().includes(`\t${name} `)
  );
}

const thisMachine: Machine = {
  platform: process.platform,
  env: process.env,
  home: os.homedir(),
  exists: existsSync,
  list: (folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  read: (file) => readFileSync(file, 'utf8'),
  linkerCache: () => {
    for (const program of ['/sbin/ldconfig', '/usr/sbin/ldconfig']) if (existsSync(program)) return ldconfig(program);
    return '';
  },
};

function ldconfig(program: string): string {
  try {
    return execFileSync(program, ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
