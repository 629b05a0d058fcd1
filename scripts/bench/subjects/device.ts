import { BenchDevice, type BenchDeviceOptions } from '../device.js';
import { serve } from '../subject.js';

/** A whole device. */
await serve(async (options: BenchDeviceOptions) => {
  const bench = await BenchDevice.start(options);
  return { hello: { broker: bench.device.urls.broker }, stop: () => bench.stop() };
});
