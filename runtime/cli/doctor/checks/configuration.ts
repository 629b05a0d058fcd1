import { withFile } from '../../config/file.js';
import { type Check, fail, ok, warn } from '../finding.js';

/** The file that `iot-host up` would start with. */
export const checkConfiguration: Check = (_machine, { file, config, configProblems }) => {
  if (configProblems.length > 0) {
    const fix = `correct ${file} there, then: ${withFile('iot-host config check', file)}`;
    return configProblems.map((problem) => fail('config', problem, fix));
  }
  if (config !== undefined) return [ok('config', `${file} is valid: device ${config.device}`)];
  const fix = `echo 'device: pi-01' > ${file}, or name yours: iot-host doctor -c FILE`;
  return [warn('config', `there is no ${file}: only the machine is looked at`, fix)];
};
