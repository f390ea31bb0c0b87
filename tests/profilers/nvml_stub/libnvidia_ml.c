/* A libnvidia-ml.so.1 without a driver, for the real binding (nvidia-ml-py) to load.

   Environment variables say what machine this is:
     STUB_INIT      what nvmlInitWithFlags returns (0)
     STUB_BOARDS    how many boards (1); their UUIDs are GPU-0, GPU-1, ...
     STUB_PIDS      processes of each board, boards apart by '/', processes by ',' ("self");
                    "self" is the caller, "parent" its parent, "hidden" answers no permission
     STUB_MIG       MIG mode of each board, by '/' (none: not supported)
     STUB_C2C       whether the link to a processor is on (none: not supported)
     STUB_COUNTER   0: the boards have no energy counter (1)
     STUB_INSTANT   0: the driver does not know the power field (1)
     STUB_WATTS     constant power of each board (300)
     STUB_PERIOD_MS how often the counter is published (20)
     STUB_STEP_MJ   instead, each reading of the counter adds so much
     STUB_LOST      after so many readings of the counter the GPU is lost
     STUB_REASONS   clocks' event reasons (0)
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
enum { POWER_INSTANT = 186, MODULE = 1, MOST = 8 };

typedef struct { int index; } Board;
typedef Board *Handle;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu; unsigned compute; } Process;
typedef struct {
    uint32_t field, scope;
    int64_t timestamp, latency_us;
    int type, status;
    union { double d; unsigned ui; unsigned long ul; unsigned long long ull; } value;
} Field;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned on; } C2c;

static Board boards[MOST] = {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}};
static unsigned long long readings[MOST];

static const char *word(const char *name, const char *otherwise) {
    const char *found = getenv(name);
    return found ? found : otherwise;
}

static long number(const char *name, long otherwise) {
    const char *found = getenv(name);
    return found ? atol(found) : otherwise;
}

/* The part of a variable that speaks of one board: parts are apart by '/'; the last is repeated. */
static const char *part(const char *name, const char *otherwise, int index, char *into, size_t size) {
    const char *at = word(name, otherwise);
    for (; index > 0 && strchr(at, '/'); index--) at = strchr(at, '/') + 1;
    snprintf(into, size, "%.*s", (int)strcspn(at, "/"), at);
    return into;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; return number("STUB_INIT", OK); }
int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) {
    switch (code) {
        case OK: return "Success";
        case INVALID: return "Invalid Argument";
        case NOT_SUPPORTED: return "Not Supported";
        case NO_PERMISSION: return "Insufficient Permissions";
        case NOT_FOUND: return "Not Found";
        case TOO_SMALL: return "Insufficient Size";
        case 9: return "Driver Not Loaded";
        case LOST: return "GPU is lost";
    }
    return "Unknown Error";
}

int nvmlSystemGetDriverVersion(char *into, unsigned size) { snprintf(into, size, "600.1"); return OK; }

int nvmlDeviceGetCount_v2(unsigned *count) { *count = number("STUB_BOARDS", 1); return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Handle *into) {
    if (index >= (unsigned)number("STUB_BOARDS", 1)) return INVALID;
    *into = &boards[index];
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Handle *into) {
    int index;
    if (sscanf(uuid, "GPU-%d", &index) != 1 || index < 0 || index >= number("STUB_BOARDS", 1)) return NOT_FOUND;
    *into = &boards[index];
    return OK;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, Handle *into) {
    if (strcmp(address, "00000000:01:00.0")) return NOT_FOUND;
    *into = &boards[0];
    return OK;
}

int nvmlDeviceGetName(Handle board, char *into, unsigned size) {
    snprintf(into, size, "Stub Board %d", board->index);
    return OK;
}

int nvmlDeviceGetUUID(Handle board, char *into, unsigned size) {
    snprintf(into, size, "GPU-%d", board->index);
    return OK;
}

int nvmlDeviceGetMigMode(Handle board, unsigned *current, unsigned *pending) {
    char own[16];
    part("STUB_MIG", "none", board->index, own, sizeof own);
    if (!strcmp(own, "none")) return NOT_SUPPORTED;
    *current = *pending = atoi(own);
    return OK;
}

int nvmlDeviceGetC2cModeInfoV(Handle board, C2c *into) {
    (void)board;
    if (!strcmp(word("STUB_C2C", "none"), "none")) return NOT_SUPPORTED;
    into->on = number("STUB_C2C", 0);
    return OK;
}

int nvmlDeviceGetTotalEnergyConsumption(Handle board, unsigned long long *millijoules) {
    unsigned long long count = ++readings[board->index];
    double period_s = number("STUB_PERIOD_MS", 20) / 1e3;
    if (!number("STUB_COUNTER", 1)) return NOT_SUPPORTED;
    if (getenv("STUB_LOST") && count > (unsigned long long)number("STUB_LOST", 0)) return LOST;
    if (getenv("STUB_STEP_MJ"))
        *millijoules = count * number("STUB_STEP_MJ", 0);
    else
        *millijoules = number("STUB_WATTS", 300) * (unsigned long long)(now_s() / period_s) * period_s * 1e3;
    return OK;
}

int nvmlDeviceGetPowerUsage(Handle board, unsigned *milliwatts) {
    (void)board;
    if (number("STUB_INSTANT", 1) < 0) return NOT_SUPPORTED;
    *milliwatts = number("STUB_WATTS", 300) * 1000;
    return OK;
}

int nvmlDeviceGetFieldValues(Handle board, int count, Field *fields) {
    (void)board;
    for (int i = 0; i < count; i++) {
        int module = fields[i].scope == MODULE, linked = number("STUB_C2C", 0) == 1;
        int known = fields[i].field == POWER_INSTANT && number("STUB_INSTANT", 1) > 0 && module == linked;
        fields[i].status = known ? OK : NOT_SUPPORTED;
        fields[i].timestamp = (int64_t)(now_s() * 1e6);
        fields[i].type = 1;
        fields[i].value.ui = known ? number("STUB_WATTS", 300) * 1000 : 0;
    }
    return OK;
}

/* The protocol of the third version: asked without room it says how many there are. */
static int processes(Handle board, unsigned *count, Process *into) {
    char own[256];
    unsigned room = *count, found = 0;
    part("STUB_PIDS", "self", board->index, own, sizeof own);
    if (!strcmp(own, "hidden")) return NO_PERMISSION;
    for (char *at = strtok(own, ","); at; at = strtok(NULL, ","), found++) {
        if (!into || found >= room) continue;
        memset(&into[found], 0, sizeof into[found]);
        into[found].pid = !strcmp(at, "self") ? getpid() : !strcmp(at, "parent") ? getppid() : atoi(at);
        into[found].gpu = into[found].compute = 0xFFFFFFFF;
    }
    *count = found;
    return found > room || (found && !into) ? TOO_SMALL : OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Handle board, unsigned *count, Process *into) {
    return processes(board, count, into);
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(Handle board, unsigned *count, Process *into) {
    (void)board; (void)into;
    *count = 0;
    return OK;
}

int nvmlDeviceGetCurrentClocksEventReasons(Handle board, unsigned long long *reasons) {
    (void)board;
    *reasons = number("STUB_REASONS", 0);
    return OK;
}

int nvmlDeviceGetTemperature(Handle board, int sensor, unsigned *celsius) {
    (void)board;
    if (sensor != 0) return INVALID;
    *celsius = 54;
    return OK;
}

int nvmlDeviceGetClockInfo(Handle board, int kind, unsigned *mhz) {
    (void)board;
    *mhz = kind == 1 ? 1755 : 2619;
    return OK;
}

int nvmlDeviceGetMaxClockInfo(Handle board, int kind, unsigned *mhz) { return nvmlDeviceGetClockInfo(board, kind, mhz); }

int nvmlDeviceGetEnforcedPowerLimit(Handle board, unsigned *milliwatts) { (void)board; *milliwatts = 700000; return OK; }
int nvmlDeviceGetPowerManagementDefaultLimit(Handle board, unsigned *milliwatts) { (void)board; *milliwatts = 700000; return OK; }
int nvmlDeviceGetPersistenceMode(Handle board, unsigned *mode) { (void)board; *mode = 1; return OK; }

int nvmlDeviceGetMemoryInfo(Handle board, Memory *into) {
    (void)board;
    into->total = 80ull << 30;
    into->used = 1ull << 30;
    into->free = into->total - into->used;
    return OK;
}
