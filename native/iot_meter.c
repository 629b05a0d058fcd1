/*
 * Takes the place of m3_compile.c. wasm3 itself cannot be stopped inside a loop, so the two operations that jump
 * back and the hook that runs on every call are replaced here by ones that spend fuel; upstream stays untouched.
 * `memory.grow` is replaced too, because upstream adds page counts in 32 bits and lets a huge request wrap around.
 */
#include "m3_core.h"
#include "m3_exec_defs.h"

#include "iot.h"

int64_t     iot_fuel;
const char  iot_fuel_spent [] = "fuel spent";

static inline bool out_of_fuel (void)
{
    return M3_UNLIKELY (-- iot_fuel < 0);
}

/* Runs on every call of a function, imported ones included. */
M3Result m3_Yield (void)
{
    return out_of_fuel () ? iot_fuel_spent : m3Err_none;
}

#define M3_COMPILE_OPCODES
#define op_ContinueLoop     op_ContinueLoop_unmetered
#define op_ContinueLoopIf   op_ContinueLoopIf_unmetered
#define op_MemGrow          op_MemGrow_unchecked
#include "m3_exec.h"
#undef op_ContinueLoop
#undef op_ContinueLoopIf
#undef op_MemGrow

/* `br`, `br_table` and `br_if` with values to a loop. */
d_m3Op (ContinueLoop)
{
    if (out_of_fuel ()) newTrap (iot_fuel_spent);

    return immediate (void *);
}

/* `br_if` to a loop. */
d_m3Op (ContinueLoopIf)
{
    i32 condition   = (i32) _r0;
    void * loop     = immediate (void *);

    if (condition)
    {
        if (out_of_fuel ()) newTrap (iot_fuel_spent);

        return loop;
    }
    else nextOp ();
}

d_m3Op (MemGrow)
{
    IM3Runtime runtime  = m3MemRuntime (_mem);
    IM3Memory memory    = & runtime->memory;
    u64 wanted          = (u64) memory->numPages + (u32) _r0;

    if ((u32) _r0 == 0)
        _r0 = memory->numPages;
    else if (wanted > memory->maxPages)
        _r0 = -1;
    else
    {
        i64 before = memory->numPages;

        _r0 = ResizeMemory (runtime, (u32) wanted) ? -1 : before;
        _mem = memory->mallocated;
    }

    nextOp ();
}

#include "m3_compile.c"
