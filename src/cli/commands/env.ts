// `swat-eval env`: what a bug report needs to know about this machine and this build.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { readBuildInfo } from '../../package-root.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import type { CommandDefinition } from '../program.js';

/** Peers that are used where they are installed. */
const OPTIONAL_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

export const env: CommandDefinition = (program) => {
  program
    .command('env')
    .description('Report on this machine and build, to paste into an issue.')
    .addOption(options.json)
    .addOption(options.verbose)
    .action(async (flags: Pick<SharedFlags, 'json'>) => {
      const report = await describeEnvironment();
      process.stdout.write(`${flags.json ? JSON.stringify(report, null, 2) : asLines(report)}\n`);
    });
};

async function describeEnvironment() {
  const { listBackends } = await import('../../backends/list-backends.js');
  const { cacheDirectory } = await import('../../data/row-source.js');
  const { version, revision, dirty } = readBuildInfo();
  const cpus = os.cpus();
  return {
    version,
    revision,
    dirty,
    node: process.version,
    system: `${os.type()} ${os.release()} ${process.arch}`,
    cpu: { model: cpus[0]?.model.trim() ?? 'unknown', cores: cpus.length },
    memoryBytes: os.totalmem(),
    dataDirectory: process.env.SWAT_EVAL_DATA ?? null,
    cacheDirectory: cacheDirectory(process.env),
    backends: await listBackends(),
    optionalPackages: Object.fromEntries(OPTIONAL_PACKAGES.map((name) => [name, installedVersion(name)])),
  };
}

type EnvironmentReport = Awaited<ReturnType<typeof describeEnvironment>>;

function asLines(report: EnvironmentReport): string {
  const lines: [string, string][] = [
    ['swat-eval', `${report.version} (${report.revision}${report.dirty ? ', dirty' : ''})`],
    ['node', report.node],
    ['system', report.system],
    ['cpu', `${report.cpu.model}, ${report.cpu.cores} cores`],
    ['memory', `${(report.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['data directory', report.dataDirectory ?? 'none (SWAT_EVAL_DATA is not set)'],
    ['cache directory', report.cacheDirectory],
    ...report.backends.flatMap(({ name, available, reason, features }): [string, string][] => [
      [`backend ${name}`, `${available ? 'available' : 'not available'}: ${reason}`],
      ...Object.entries(features).map(([what, value]): [string, string] => [`  ${what}`, value]),
    ]),
    ...Object.entries(report.optionalPackages).map(([name, version]): [string, string] => [
      name,
      version ?? 'not installed',
    ]),
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n');
}

/** Version of an installed package, null where it is not installed. */
function installedVersion(name: string): string | null {
  const require = createRequire(import.meta.url);
  try {
    return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}
