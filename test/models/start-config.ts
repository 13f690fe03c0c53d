// A model of any config.json with seeded weights, some of them replaced, for properties that baselines' settings cannot state.
import { startEngine } from '../../src/backends/engine.js';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters } from '../../src/models/checkpoint/parameters.js';
import { Decoder } from '../../src/models/decoder.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { initialWeights } from '../../src/models/initialisation.js';
import { Parameters } from '../../src/models/parameters.js';

/** `replaced` gives element i of the parameters whose names end in its keys. */
export async function startConfig(
  raw: RawConfig,
  replaced: Readonly<Record<string, (i: number) => number>> = {},
): Promise<Decoder> {
  const engine = await startEngine('wasm');
  engine.use();
  const config = normaliseConfig(raw, 'config.json');
  const parameters = new Parameters();
  for (const parameter of modelParameters(config)) {
    const values = initialWeights(parameter, 1);
    const suffix = Object.keys(replaced).find((suffix) => parameter.name.endsWith(suffix));
    parameters.set(
      parameter.name,
      suffix === undefined ? values : values.map((_, i) => replaced[suffix]!(i)),
      parameter.shape,
    );
  }
  return new Decoder(config, engine, parameters);
}
