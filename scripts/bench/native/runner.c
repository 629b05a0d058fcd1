/*
 * The native reference of the compute figure: the same wasm3 source with the same metering, as a program.
 *     wasm3-native MODULE ROUNDS FUEL  ->  {"checksum":…,"fuel":…,"seconds":…}
 * `seconds` is processor time of the second of two equal calls; loading and compiling are not in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "m3_env.h"

#include "iot.h"

static void fail (const char * why)
{
    fprintf (stderr, "wasm3-native: %s\n", why);
    exit (1);
}

static void check (M3Result result)
{
    if (result) fail (result);
}

static uint8_t * read_file (const char * path, uint32_t * length)
{
    FILE * file = fopen (path, "rb");
    if (not file) fail ("cannot open the module");

    fseek (file, 0, SEEK_END);
    * length = (uint32_t) ftell (file);
    rewind (file);

    uint8_t * bytes = malloc (* length);
    if (not bytes or fread (bytes, 1, * length, file) != * length) fail ("cannot read the module");
    fclose (file);
    return bytes;
}

static double processor_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, & now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

int main (int argc, char ** argv)
{
    if (argc != 4) fail ("usage: wasm3-native MODULE ROUNDS FUEL");

    uint32_t length;
    uint8_t * bytes = read_file (argv [1], & length);
    uint32_t rounds = (uint32_t) strtoul (argv [2], NULL, 10);
    int64_t fuel = strtoll (argv [3], NULL, 10);

    IM3Environment environment = m3_NewEnvironment ();
    IM3Runtime runtime = m3_NewRuntime (environment, 32 * 1024, NULL);
    IM3Module module;
    IM3Function run;
    check (m3_ParseModule (environment, & module, bytes, length));
    check (m3_LoadModule (runtime, module));
    check (m3_CompileModule (module));
    check (m3_FindFunction (& run, runtime, "run"));

    uint32_t checksum = 0;
    const void * parameters [1] = { & rounds };
    const void * results [1] = { & checksum };
    double before = 0;
    for (int call = 0; call < 2; ++call)
    {
        iot_fuel = fuel;
        before = processor_seconds ();
        check (m3_Call (run, 1, parameters));
    }
    double seconds = processor_seconds () - before;
    check (m3_GetResults (run, 1, results));

    printf ("{\"checksum\":%u,\"fuel\":%lld,\"seconds\":%.6f}\n", checksum, (long long) (fuel - iot_fuel), seconds);
    return 0;
}
