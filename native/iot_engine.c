/* Life of the one guest: load, link, call, meter. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "m3_env.h"

#include "iot.h"

enum
{
    value_stack_bytes   = 32 * 1024,    /* larger, and V8's stack ends before wasm3's own check does */
    max_values          = 128           /* parameters or results of one exported function */
};

iot_state_t             iot_state;

static IM3Environment   environment;
static IM3Runtime       runtime;
static IM3Module        module;
static uint8_t *        bytes;          /* wasm3 reads the module from here as long as it is loaded */
static IM3Function      guest_call;

static iot_status classify (M3Result result)
{
    if (result == iot_fuel_spent)
        return iot_fuel_out;
    if (result == m3Err_mallocFailed or result == m3Err_mallocFailedCodePage)
        return iot_no_memory;
    if (result == m3Err_unknownOpcode or result == m3Err_noCompiler or result == m3Err_restrictedOpcode)
        return iot_bad_feature;
    return iot_bad_module;
}

static iot_status report (iot_status status, M3Result result)
{
    M3ErrorInfo info = { 0 };
    m3_GetErrorInfo (runtime, & info);      /* forgets it, so an old detail never turns up with a new error */

    iot_state.message   = (uint32_t) (uintptr_t) result;
    iot_state.detail    = info.result and info.result == result ? (uint32_t) (uintptr_t) info.message : 0;
    return status;
}

static void begin (double fuel)
{
    iot_fuel            = (int64_t) fuel;
    iot_state.message   = 0;
    iot_state.detail    = 0;
}

static iot_status end (M3Result result)
{
    iot_state.fuel_left     = iot_fuel < 0 ? 0 : (double) iot_fuel;
    iot_state.memory_pages  = m3_GetMemorySize (runtime) / d_m3MemPageSize;

    if (M3_LIKELY (not result))
        return iot_ok;
    return report (result == iot_fuel_spent ? iot_fuel_out : iot_trap, result);
}

IOT_EXPORT (iot_alloc)
void * iot_alloc (uint32_t size)
{
    return malloc (size ? size : 1);
}

IOT_EXPORT (iot_state_address)
iot_state_t * iot_state_address (void)
{
    return & iot_state;
}

/* Bytes the shim and wasm3 hold at present; zero before `iot_load` and after `iot_unload`. */
IOT_EXPORT (iot_heap_in_use)
uint32_t iot_heap_in_use (void)
{
    return (uint32_t) mallinfo ().uordblks;
}

IOT_EXPORT (iot_unload)
void iot_unload (void)
{
    m3_FreeRuntime (runtime);               /* takes a loaded module with it */
    m3_FreeEnvironment (environment);
    free (bytes);
    iot_wapc_release ();

    runtime     = NULL;
    environment = NULL;
    module      = NULL;
    bytes       = NULL;
    guest_call  = NULL;
}

/* Parses and instantiates; linking and compiling follow. `wasm` is from `iot_alloc` and is taken over. */
IOT_EXPORT (iot_load)
iot_status iot_load (uint8_t * wasm, uint32_t length, uint32_t max_pages)
{
    iot_unload ();
    begin (0);
    bytes = wasm;

    environment = m3_NewEnvironment ();
    runtime     = environment ? m3_NewRuntime (environment, value_stack_bytes, NULL) : NULL;
    if (not runtime)
        return report (iot_no_memory, m3Err_mallocFailed);

    M3Result result = m3_ParseModule (environment, & module, wasm, length);
    if (result)
    {
        module = NULL;                      /* freed by wasm3 */
        return report (classify (result), result);
    }

    M3MemoryInfo * memory = & module->memoryInfo;
    bool fits = memory->initPages <= max_pages;

    /* wasm3 takes 0 for "no maximum", and both mean: as far as the limit allows. */
    if (memory->maxPages == 0 or memory->maxPages > max_pages)
        memory->maxPages = max_pages;

    result = fits ? m3_LoadModule (runtime, module) : m3Err_wasmMemoryOverflow;
    if (result)
    {
        m3_FreeModule (module);
        module = NULL;
        return report (fits ? classify (result) : iot_too_large, result);
    }

    iot_state.memory_pages = m3_GetMemorySize (runtime) / d_m3MemPageSize;
    return iot_ok;
}

/* Binds an import to function `number` of the shim; strings are in the payload buffer. */
IOT_EXPORT (iot_link)
iot_status iot_link (const char * module_name, const char * name, const char * signature, uint32_t number)
{
    M3RawCall function = iot_raw_function (number);
    if (not module or not function)
        return report (iot_bad_module, m3Err_moduleNotLinked);

    M3Result result = m3_LinkRawFunction (module, module_name, name, signature, function);
    return result and result != m3Err_functionLookupFailed ? report (iot_bad_module, result) : iot_ok;
}

/* The same for function `number` of the host's WASI. */
IOT_EXPORT (iot_link_wasi)
iot_status iot_link_wasi (const char * module_name, const char * name, const char * signature, uint32_t number)
{
    M3Result result = module ? m3_LinkRawFunctionEx (module, module_name, name, signature, & iot_wasi,
                                                     (const void *) (uintptr_t) number)
                             : m3Err_moduleNotLinked;
    return result and result != m3Err_functionLookupFailed ? report (iot_bad_module, result) : iot_ok;
}

/* Compiles every function, so that nothing of the module is read for the first time while it runs. */
IOT_EXPORT (iot_compile)
iot_status iot_compile (void)
{
    M3Result result = module ? m3_CompileModule (module) : m3Err_moduleNotLinked;
    return result ? report (classify (result), result) : iot_ok;
}

/* The function with this index of the module's function index space, imports included; NULL if there is none. */
IOT_EXPORT (iot_function)
IM3Function iot_function (uint32_t index)
{
    return module ? Module_GetFunction (module, index) : NULL;
}

IOT_EXPORT (iot_parameter_count)
uint32_t iot_parameter_count (IM3Function function)
{
    return m3_GetArgCount (function);
}

IOT_EXPORT (iot_parameter_type)
uint32_t iot_parameter_type (IM3Function function, uint32_t index)
{
    return m3_GetArgType (function, index);
}

IOT_EXPORT (iot_result_count)
uint32_t iot_result_count (IM3Function function)
{
    return m3_GetRetCount (function);
}

IOT_EXPORT (iot_result_type)
uint32_t iot_result_type (IM3Function function, uint32_t index)
{
    return m3_GetRetType (function, index);
}

/* The module's own start function, if it has one. */
IOT_EXPORT (iot_run_start)
iot_status iot_run_start (double fuel)
{
    begin (fuel);
    return end (m3_RunStart (module));
}

/* Calls any function. `slots` holds 64-bit values: the parameters before, the results after. */
IOT_EXPORT (iot_invoke)
iot_status iot_invoke (IM3Function function, uint64_t * slots, double fuel)
{
    const void * values [max_values];
    uint32_t num_parameters = m3_GetArgCount (function);
    uint32_t num_results    = m3_GetRetCount (function);

    begin (fuel);
    if (num_parameters > max_values or num_results > max_values)
        return end (m3Err_tooManyArgsRets);

    for (uint32_t i = 0; i < max_values; ++i)
        values [i] = slots + i;

    M3Result result = m3_Call (function, num_parameters, values);
    if (not result and num_results)
        result = m3_GetResults (function, num_results, values);
    return end (result);
}

/* Chooses the function that `iot_call` calls; its type must be (i32, i32) -> i32. */
IOT_EXPORT (iot_set_guest_call)
void iot_set_guest_call (IM3Function function)
{
    guest_call = function;
}

/* One waPC call; operation and payload are in their buffers already. */
IOT_EXPORT (iot_call)
iot_status iot_call (uint32_t operation_length, uint32_t payload_length, double fuel)
{
    const void * parameters [2] = { & operation_length, & payload_length };
    const void * results [1]    = { & iot_state.result };

    begin (fuel);
    iot_wapc_begin (operation_length, payload_length);

    M3Result result = m3_Call (guest_call, 2, parameters);
    if (M3_LIKELY (not result))
        result = m3_GetResults (guest_call, 1, results);

    iot_wapc_end ();
    return end (result);
}
