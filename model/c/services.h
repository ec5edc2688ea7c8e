/* Generated from the description of the services. See warren.h. */
#pragma once

#include "warren.h"

typedef struct { uint64_t word; } Accounts;
#define Accounts_ID 0xacc00001u
typedef struct { uint64_t word; } BlockDevice;
#define BlockDevice_ID 0xb10c0001u
typedef struct { uint64_t word; } Clock;
#define Clock_ID 0xc10c0001u
typedef struct { uint64_t word; } Timer;
#define Timer_ID 0xc10c0002u
typedef struct { uint64_t word; } Console;
#define Console_ID 0xc0150001u
typedef struct { uint64_t word; } File;
#define File_ID 0xf11e0001u
typedef struct { uint64_t word; } Directory;
#define Directory_ID 0xf11e0003u
typedef struct { uint64_t word; } FileSystem;
#define FileSystem_ID 0xf11e0002u
typedef struct { uint64_t word; } InterruptLine;
#define InterruptLine_ID 0x12790001u
typedef struct { uint64_t word; } Interrupts;
#define Interrupts_ID 0x12790002u
typedef struct { uint64_t word; } Launcher;
#define Launcher_ID 0x1a0c0002u
typedef struct { uint64_t word; } Log;
#define Log_ID 0x10900004u
typedef struct { uint64_t word; } LogBook;
#define LogBook_ID 0x10900005u
typedef struct { uint64_t word; } LogFeed;
#define LogFeed_ID 0x10900006u
typedef struct { uint64_t word; } LogFollower;
#define LogFollower_ID 0x10900007u
typedef struct { uint64_t word; } DataSpace;
#define DataSpace_ID 0xda7a0001u
typedef struct { uint64_t word; } Memory;
#define Memory_ID 0xda7a0002u
typedef struct { uint64_t word; } PhysicalMemory;
#define PhysicalMemory_ID 0xda7a0003u
typedef struct { uint64_t word; } AddressSpace;
#define AddressSpace_ID 0xda7a0004u
typedef struct { uint64_t word; } Namespace;
#define Namespace_ID 0x0a3e0001u
typedef struct { uint64_t word; } Parameters;
#define Parameters_ID 0x9a2a0001u
typedef struct { uint64_t word; } PciBus;
#define PciBus_ID 0x0c1b0001u
typedef struct { uint64_t word; } PciDevice;
#define PciDevice_ID 0x0c1b0002u
typedef struct { uint64_t word; } IoPorts;
#define IoPorts_ID 0x10900002u
typedef struct { uint64_t word; } PortSpace;
#define PortSpace_ID 0x10900003u
typedef struct { uint64_t word; } Power;
#define Power_ID 0x90e20001u
typedef struct { uint64_t word; } Program;
#define Program_ID 0x74520004u
typedef struct { uint64_t word; } Stream;
#define Stream_ID 0x74520005u
typedef struct { uint64_t word; } Supervisor;
#define Supervisor_ID 0x74520006u
typedef struct { uint64_t word; } Queue;
#define Queue_ID 0x90e00001u
typedef struct { uint64_t word; } MemoryQueue;
#define MemoryQueue_ID 0x90e00002u
typedef struct { uint64_t word; } Queues;
#define Queues_ID 0x90e00003u
typedef struct { uint64_t word; } Semaphore;
#define Semaphore_ID 0x5e4a0001u
typedef struct { uint64_t word; } Semaphores;
#define Semaphores_ID 0x5e4a0002u
typedef struct { uint64_t word; } Task;
#define Task_ID 0x74520001u
typedef struct { uint64_t word; } ThreadFactory;
#define ThreadFactory_ID 0x74520002u
typedef struct { uint64_t word; } Thread;
#define Thread_ID 0x74520003u
typedef struct { uint64_t word; } Scheduler;
#define Scheduler_ID 0x5c4e0002u
typedef struct { uint64_t word; } Processor;
#define Processor_ID 0x5c4e0001u
typedef struct { uint64_t word; } Signal;
#define Signal_ID 0x51690003u
typedef struct { uint64_t word; } Raiser;
#define Raiser_ID 0x51690004u
typedef struct { uint64_t word; } Signals;
#define Signals_ID 0x51690005u
typedef struct { uint64_t word; } SystemControl;
#define SystemControl_ID 0x5c000002u
typedef struct { uint64_t word; } Terminal;
#define Terminal_ID 0xc0150002u

/* Accounts */
w_ret Accounts_account(Accounts self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 80 bytes */)
    W_SYMBOL("wcall.acc00001.0.Accounts.account.vot80_n");
w_ret Accounts_thread(Accounts self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 40 bytes */)
    W_SYMBOL("wcall.acc00001.1.Accounts.thread.vot40_n");
w_ret Accounts_sampling(Accounts self, uint64_t p1)
    W_SYMBOL("wcall.acc00001.2.Accounts.sampling.w_r2898264066");
w_ret Accounts_time(Accounts self, void *p1 /* 16 bytes */)
    W_SYMBOL("wcall.acc00001.3.Accounts.time.t16_n");
#define Accounts_ENTRIES(state) struct { \
    w_ret (*account)(state *self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 80 bytes */); \
    w_ret (*thread)(state *self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 40 bytes */); \
    w_ret (*sampling)(state *self, uint64_t p1); \
    w_ret (*time)(state *self, void *p1 /* 16 bytes */); \
}
#define Accounts_FUNCTIONS \
    W_FUNCTION("account(vot80_n)") \
    W_FUNCTION("thread(vot40_n)") \
    W_FUNCTION("sampling(w_r2898264066)") \
    W_FUNCTION("time(t16_n)") \
    ""
#define Accounts_PROVIDES \
    W_SERVICE("P", "0xacc00001", "0", "Accounts") Accounts_FUNCTIONS
#define Accounts_LOCAL \
    W_SERVICE("L", "0xacc00001", "0", "Accounts") Accounts_FUNCTIONS
#define Accounts_REQUIRES(field) \
    W_SERVICE("R", "0xacc00001", "0", field ":" "Accounts") Accounts_FUNCTIONS
#define Accounts_OPTIONAL(field) \
    W_SERVICE("R", "0xacc00001", "2", field ":" "Accounts") Accounts_FUNCTIONS

/* BlockDevice */
w_ret BlockDevice_block_bytes(BlockDevice self)
    W_SYMBOL("wcall.b10c0001.0.BlockDevice.block_bytes._v");
w_ret BlockDevice_blocks(BlockDevice self)
    W_SYMBOL("wcall.b10c0001.1.BlockDevice.blocks._w");
w_ret BlockDevice_read(BlockDevice self, uint64_t p1, uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.b10c0001.2.BlockDevice.read.wo_n");
w_ret BlockDevice_write(BlockDevice self, uint64_t p1, const uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.b10c0001.3.BlockDevice.write.wi_n");
w_ret BlockDevice_flush(BlockDevice self)
    W_SYMBOL("wcall.b10c0001.4.BlockDevice.flush._n");
#define BlockDevice_ENTRIES(state) struct { \
    w_ret (*block_bytes)(state *self); \
    w_ret (*blocks)(state *self); \
    w_ret (*read)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes); \
    w_ret (*write)(state *self, uint64_t p1, const uint8_t *p2, size_t p2_bytes); \
    w_ret (*flush)(state *self); \
}
#define BlockDevice_FUNCTIONS \
    W_FUNCTION("block_bytes(_v)") \
    W_FUNCTION("blocks(_w)") \
    W_FUNCTION("read(wo_n)") \
    W_FUNCTION("write(wi_n)") \
    W_FUNCTION("flush(_n)") \
    ""
#define BlockDevice_PROVIDES \
    W_SERVICE("P", "0xb10c0001", "0", "BlockDevice") BlockDevice_FUNCTIONS
#define BlockDevice_LOCAL \
    W_SERVICE("L", "0xb10c0001", "0", "BlockDevice") BlockDevice_FUNCTIONS
#define BlockDevice_REQUIRES(field) \
    W_SERVICE("R", "0xb10c0001", "0", field ":" "BlockDevice") BlockDevice_FUNCTIONS
#define BlockDevice_OPTIONAL(field) \
    W_SERVICE("R", "0xb10c0001", "2", field ":" "BlockDevice") BlockDevice_FUNCTIONS

/* Clock */
w_ret Clock_now_ns(Clock self)
    W_SYMBOL("wcalla.c10c0001.0.Clock.now_ns._w");
#define Clock_ENTRIES(state) struct { \
    w_ret (*now_ns)(state *self); \
}
#define Clock_FUNCTIONS \
    W_FUNCTION("now_ns(_w)") \
    ""
#define Clock_PROVIDES \
    W_SERVICE("P", "0xc10c0001", "1", "Clock") Clock_FUNCTIONS
#define Clock_LOCAL \
    W_SERVICE("L", "0xc10c0001", "1", "Clock") Clock_FUNCTIONS
#define Clock_REQUIRES(field) \
    W_SERVICE("R", "0xc10c0001", "1", field ":" "Clock") Clock_FUNCTIONS
#define Clock_OPTIONAL(field) \
    W_SERVICE("R", "0xc10c0001", "3", field ":" "Clock") Clock_FUNCTIONS

/* Timer */
w_ret Timer_sleep(Timer self, uint64_t p1)
    W_SYMBOL("wcall.c10c0002.0.Timer.sleep.w_n");
#define Timer_ENTRIES(state) struct { \
    w_ret (*sleep)(state *self, uint64_t p1); \
}
#define Timer_FUNCTIONS \
    W_FUNCTION("sleep(w_n)") \
    ""
#define Timer_PROVIDES \
    W_SERVICE("P", "0xc10c0002", "0", "Timer") Timer_FUNCTIONS
#define Timer_LOCAL \
    W_SERVICE("L", "0xc10c0002", "0", "Timer") Timer_FUNCTIONS
#define Timer_REQUIRES(field) \
    W_SERVICE("R", "0xc10c0002", "0", field ":" "Timer") Timer_FUNCTIONS
#define Timer_OPTIONAL(field) \
    W_SERVICE("R", "0xc10c0002", "2", field ":" "Timer") Timer_FUNCTIONS

/* Console */
w_ret Console_read(Console self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.c0150001.0.Console.read.o_w");
w_ret Console_poll(Console self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.c0150001.1.Console.poll.o_w");
w_ret Console_write(Console self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.c0150001.2.Console.write.i_n");
#define Console_ENTRIES(state) struct { \
    w_ret (*read)(state *self, uint8_t *p1, size_t p1_bytes); \
    w_ret (*poll)(state *self, uint8_t *p1, size_t p1_bytes); \
    w_ret (*write)(state *self, const uint8_t *p1, size_t p1_bytes); \
}
#define Console_FUNCTIONS \
    W_FUNCTION("read(o_w)") \
    W_FUNCTION("poll(o_w)") \
    W_FUNCTION("write(i_n)") \
    ""
#define Console_PROVIDES \
    W_SERVICE("P", "0xc0150001", "0", "Console") Console_FUNCTIONS
#define Console_LOCAL \
    W_SERVICE("L", "0xc0150001", "0", "Console") Console_FUNCTIONS
#define Console_REQUIRES(field) \
    W_SERVICE("R", "0xc0150001", "0", field ":" "Console") Console_FUNCTIONS
#define Console_OPTIONAL(field) \
    W_SERVICE("R", "0xc0150001", "2", field ":" "Console") Console_FUNCTIONS

/* File */
w_ret File_size(File self)
    W_SYMBOL("wcall.f11e0001.0.File.size._w");
w_ret File_read(File self, uint64_t p1, uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.f11e0001.1.File.read.wo_w");
w_ret File_write(File self, uint64_t p1, const uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.f11e0001.2.File.write.wi_w");
w_ret File_status(File self, void *p1 /* 40 bytes */)
    W_SYMBOL("wcall.f11e0001.3.File.status.t40_n");
#define File_ENTRIES(state) struct { \
    w_ret (*size)(state *self); \
    w_ret (*read)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes); \
    w_ret (*write)(state *self, uint64_t p1, const uint8_t *p2, size_t p2_bytes); \
    w_ret (*status)(state *self, void *p1 /* 40 bytes */); \
}
#define File_FUNCTIONS \
    W_FUNCTION("size(_w)") \
    W_FUNCTION("read(wo_w)") \
    W_FUNCTION("write(wi_w)") \
    W_FUNCTION("status(t40_n)") \
    ""
#define File_PROVIDES \
    W_SERVICE("P", "0xf11e0001", "0", "File") File_FUNCTIONS
#define File_LOCAL \
    W_SERVICE("L", "0xf11e0001", "0", "File") File_FUNCTIONS
#define File_REQUIRES(field) \
    W_SERVICE("R", "0xf11e0001", "0", field ":" "File") File_FUNCTIONS
#define File_OPTIONAL(field) \
    W_SERVICE("R", "0xf11e0001", "2", field ":" "File") File_FUNCTIONS

/* Directory */
w_ret Directory_entry(Directory self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 16 bytes */)
    W_SYMBOL("wcall.f11e0003.0.Directory.entry.wot16_n");
#define Directory_ENTRIES(state) struct { \
    w_ret (*entry)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 16 bytes */); \
}
#define Directory_FUNCTIONS \
    W_FUNCTION("entry(wot16_n)") \
    ""
#define Directory_PROVIDES \
    W_SERVICE("P", "0xf11e0003", "0", "Directory") Directory_FUNCTIONS
#define Directory_LOCAL \
    W_SERVICE("L", "0xf11e0003", "0", "Directory") Directory_FUNCTIONS
#define Directory_REQUIRES(field) \
    W_SERVICE("R", "0xf11e0003", "0", field ":" "Directory") Directory_FUNCTIONS
#define Directory_OPTIONAL(field) \
    W_SERVICE("R", "0xf11e0003", "2", field ":" "Directory") Directory_FUNCTIONS

/* FileSystem */
w_ret FileSystem_open(FileSystem self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.f11e0002.0.FileSystem.open.i_r4045275137");
w_ret FileSystem_directory(FileSystem self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.f11e0002.1.FileSystem.directory.i_r4045275139");
w_ret FileSystem_status(FileSystem self, const uint8_t *p1, size_t p1_bytes, void *p2 /* 40 bytes */)
    W_SYMBOL("wcall.f11e0002.2.FileSystem.status.it40_n");
#define FileSystem_ENTRIES(state) struct { \
    w_ret (*open)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*directory)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*status)(state *self, const uint8_t *p1, size_t p1_bytes, void *p2 /* 40 bytes */); \
}
#define FileSystem_FUNCTIONS \
    W_FUNCTION("open(i_r4045275137)") \
    W_FUNCTION("directory(i_r4045275139)") \
    W_FUNCTION("status(it40_n)") \
    ""
#define FileSystem_PROVIDES \
    W_SERVICE("P", "0xf11e0002", "0", "FileSystem") FileSystem_FUNCTIONS
#define FileSystem_LOCAL \
    W_SERVICE("L", "0xf11e0002", "0", "FileSystem") FileSystem_FUNCTIONS
#define FileSystem_REQUIRES(field) \
    W_SERVICE("R", "0xf11e0002", "0", field ":" "FileSystem") FileSystem_FUNCTIONS
#define FileSystem_OPTIONAL(field) \
    W_SERVICE("R", "0xf11e0002", "2", field ":" "FileSystem") FileSystem_FUNCTIONS

/* InterruptLine */
w_ret InterruptLine_wait(InterruptLine self, uint64_t p1)
    W_SYMBOL("wcall.12790001.0.InterruptLine.wait.w_w");
#define InterruptLine_ENTRIES(state) struct { \
    w_ret (*wait)(state *self, uint64_t p1); \
}
#define InterruptLine_FUNCTIONS \
    W_FUNCTION("wait(w_w)") \
    ""
#define InterruptLine_PROVIDES \
    W_SERVICE("P", "0x12790001", "0", "InterruptLine") InterruptLine_FUNCTIONS
#define InterruptLine_LOCAL \
    W_SERVICE("L", "0x12790001", "0", "InterruptLine") InterruptLine_FUNCTIONS
#define InterruptLine_REQUIRES(field) \
    W_SERVICE("R", "0x12790001", "0", field ":" "InterruptLine") InterruptLine_FUNCTIONS
#define InterruptLine_OPTIONAL(field) \
    W_SERVICE("R", "0x12790001", "2", field ":" "InterruptLine") InterruptLine_FUNCTIONS

/* Interrupts */
w_ret Interrupts_line(Interrupts self, uint32_t p1)
    W_SYMBOL("wcall.12790002.0.Interrupts.line.v_r309919745");
w_ret Interrupts_message(Interrupts self, DataSpace p1, uint64_t p2)
    W_SYMBOL("wcall.12790002.1.Interrupts.message.r3665428481w_r309919745");
#define Interrupts_ENTRIES(state) struct { \
    w_ret (*line)(state *self, uint32_t p1); \
    w_ret (*message)(state *self, DataSpace p1, uint64_t p2); \
}
#define Interrupts_FUNCTIONS \
    W_FUNCTION("line(v_r309919745)") \
    W_FUNCTION("message(r3665428481w_r309919745)") \
    ""
#define Interrupts_PROVIDES \
    W_SERVICE("P", "0x12790002", "0", "Interrupts") Interrupts_FUNCTIONS
#define Interrupts_LOCAL \
    W_SERVICE("L", "0x12790002", "0", "Interrupts") Interrupts_FUNCTIONS
#define Interrupts_REQUIRES(field) \
    W_SERVICE("R", "0x12790002", "0", field ":" "Interrupts") Interrupts_FUNCTIONS
#define Interrupts_OPTIONAL(field) \
    W_SERVICE("R", "0x12790002", "2", field ":" "Interrupts") Interrupts_FUNCTIONS

/* Launcher */
w_ret Launcher_program(Launcher self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.1a0c0002.0.Launcher.program.i_r1951531012");
w_ret Launcher_file_system(Launcher self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.1a0c0002.1.Launcher.file_system.i_r4045275138");
w_ret Launcher_listed(Launcher self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 8 bytes */)
    W_SYMBOL("wcall.1a0c0002.2.Launcher.listed.wot8_n");
#define Launcher_ENTRIES(state) struct { \
    w_ret (*program)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*file_system)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*listed)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 8 bytes */); \
}
#define Launcher_FUNCTIONS \
    W_FUNCTION("program(i_r1951531012)") \
    W_FUNCTION("file_system(i_r4045275138)") \
    W_FUNCTION("listed(wot8_n)") \
    ""
#define Launcher_PROVIDES \
    W_SERVICE("P", "0x1a0c0002", "0", "Launcher") Launcher_FUNCTIONS
#define Launcher_LOCAL \
    W_SERVICE("L", "0x1a0c0002", "0", "Launcher") Launcher_FUNCTIONS
#define Launcher_REQUIRES(field) \
    W_SERVICE("R", "0x1a0c0002", "0", field ":" "Launcher") Launcher_FUNCTIONS
#define Launcher_OPTIONAL(field) \
    W_SERVICE("R", "0x1a0c0002", "2", field ":" "Launcher") Launcher_FUNCTIONS

/* Log */
w_ret Log_write(Log self, uint32_t p1, const uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcalla.10900004.0.Log.write.vi_n");
#define Log_ENTRIES(state) struct { \
    w_ret (*write)(state *self, uint32_t p1, const uint8_t *p2, size_t p2_bytes); \
}
#define Log_FUNCTIONS \
    W_FUNCTION("write(vi_n)") \
    ""
#define Log_PROVIDES \
    W_SERVICE("P", "0x10900004", "1", "Log") Log_FUNCTIONS
#define Log_LOCAL \
    W_SERVICE("L", "0x10900004", "1", "Log") Log_FUNCTIONS
#define Log_REQUIRES(field) \
    W_SERVICE("R", "0x10900004", "1", field ":" "Log") Log_FUNCTIONS
#define Log_OPTIONAL(field) \
    W_SERVICE("R", "0x10900004", "3", field ":" "Log") Log_FUNCTIONS

/* LogBook */
w_ret LogBook_record(LogBook self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 32 bytes */)
    W_SYMBOL("wcall.10900005.0.LogBook.record.wot32_n");
#define LogBook_ENTRIES(state) struct { \
    w_ret (*record)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 32 bytes */); \
}
#define LogBook_FUNCTIONS \
    W_FUNCTION("record(wot32_n)") \
    ""
#define LogBook_PROVIDES \
    W_SERVICE("P", "0x10900005", "0", "LogBook") LogBook_FUNCTIONS
#define LogBook_LOCAL \
    W_SERVICE("L", "0x10900005", "0", "LogBook") LogBook_FUNCTIONS
#define LogBook_REQUIRES(field) \
    W_SERVICE("R", "0x10900005", "0", field ":" "LogBook") LogBook_FUNCTIONS
#define LogBook_OPTIONAL(field) \
    W_SERVICE("R", "0x10900005", "2", field ":" "LogBook") LogBook_FUNCTIONS

/* LogFeed */
w_ret LogFeed_record(LogFeed self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 32 bytes */)
    W_SYMBOL("wcalla.10900006.0.LogFeed.record.wot32_n");
w_ret LogFeed_follow(LogFeed self, LogFollower p1)
    W_SYMBOL("wcalla.10900006.1.LogFeed.follow.r277872647_n");
#define LogFeed_ENTRIES(state) struct { \
    w_ret (*record)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 32 bytes */); \
    w_ret (*follow)(state *self, LogFollower p1); \
}
#define LogFeed_FUNCTIONS \
    W_FUNCTION("record(wot32_n)") \
    W_FUNCTION("follow(r277872647_n)") \
    ""
#define LogFeed_PROVIDES \
    W_SERVICE("P", "0x10900006", "1", "LogFeed") LogFeed_FUNCTIONS
#define LogFeed_LOCAL \
    W_SERVICE("L", "0x10900006", "1", "LogFeed") LogFeed_FUNCTIONS
#define LogFeed_REQUIRES(field) \
    W_SERVICE("R", "0x10900006", "1", field ":" "LogFeed") LogFeed_FUNCTIONS
#define LogFeed_OPTIONAL(field) \
    W_SERVICE("R", "0x10900006", "3", field ":" "LogFeed") LogFeed_FUNCTIONS

/* LogFollower */
w_ret LogFollower_told(LogFollower self)
    W_SYMBOL("wcalla.10900007.0.LogFollower.told._n");
#define LogFollower_ENTRIES(state) struct { \
    w_ret (*told)(state *self); \
}
#define LogFollower_FUNCTIONS \
    W_FUNCTION("told(_n)") \
    ""
#define LogFollower_PROVIDES \
    W_SERVICE("P", "0x10900007", "1", "LogFollower") LogFollower_FUNCTIONS
#define LogFollower_LOCAL \
    W_SERVICE("L", "0x10900007", "1", "LogFollower") LogFollower_FUNCTIONS
#define LogFollower_REQUIRES(field) \
    W_SERVICE("R", "0x10900007", "1", field ":" "LogFollower") LogFollower_FUNCTIONS
#define LogFollower_OPTIONAL(field) \
    W_SERVICE("R", "0x10900007", "3", field ":" "LogFollower") LogFollower_FUNCTIONS

/* DataSpace */
w_ret DataSpace_bytes(DataSpace self)
    W_SYMBOL("wcall.da7a0001.0.DataSpace.bytes._w");
w_ret DataSpace_physical(DataSpace self)
    W_SYMBOL("wcall.da7a0001.1.DataSpace.physical._w");
#define DataSpace_ENTRIES(state) struct { \
    w_ret (*bytes)(state *self); \
    w_ret (*physical)(state *self); \
}
#define DataSpace_FUNCTIONS \
    W_FUNCTION("bytes(_w)") \
    W_FUNCTION("physical(_w)") \
    ""
#define DataSpace_PROVIDES \
    W_SERVICE("P", "0xda7a0001", "0", "DataSpace") DataSpace_FUNCTIONS
#define DataSpace_LOCAL \
    W_SERVICE("L", "0xda7a0001", "0", "DataSpace") DataSpace_FUNCTIONS
#define DataSpace_REQUIRES(field) \
    W_SERVICE("R", "0xda7a0001", "0", field ":" "DataSpace") DataSpace_FUNCTIONS
#define DataSpace_OPTIONAL(field) \
    W_SERVICE("R", "0xda7a0001", "2", field ":" "DataSpace") DataSpace_FUNCTIONS

/* Memory */
w_ret Memory_anonymous(Memory self, uint64_t p1)
    W_SYMBOL("wcall.da7a0002.0.Memory.anonymous.w_r3665428481");
w_ret Memory_contiguous(Memory self, uint64_t p1)
    W_SYMBOL("wcall.da7a0002.1.Memory.contiguous.w_r3665428481");
#define Memory_ENTRIES(state) struct { \
    w_ret (*anonymous)(state *self, uint64_t p1); \
    w_ret (*contiguous)(state *self, uint64_t p1); \
}
#define Memory_FUNCTIONS \
    W_FUNCTION("anonymous(w_r3665428481)") \
    W_FUNCTION("contiguous(w_r3665428481)") \
    ""
#define Memory_PROVIDES \
    W_SERVICE("P", "0xda7a0002", "0", "Memory") Memory_FUNCTIONS
#define Memory_LOCAL \
    W_SERVICE("L", "0xda7a0002", "0", "Memory") Memory_FUNCTIONS
#define Memory_REQUIRES(field) \
    W_SERVICE("R", "0xda7a0002", "0", field ":" "Memory") Memory_FUNCTIONS
#define Memory_OPTIONAL(field) \
    W_SERVICE("R", "0xda7a0002", "2", field ":" "Memory") Memory_FUNCTIONS

/* PhysicalMemory */
w_ret PhysicalMemory_window(PhysicalMemory self, uint64_t p1, uint64_t p2)
    W_SYMBOL("wcall.da7a0003.0.PhysicalMemory.window.ww_r3665428481");
#define PhysicalMemory_ENTRIES(state) struct { \
    w_ret (*window)(state *self, uint64_t p1, uint64_t p2); \
}
#define PhysicalMemory_FUNCTIONS \
    W_FUNCTION("window(ww_r3665428481)") \
    ""
#define PhysicalMemory_PROVIDES \
    W_SERVICE("P", "0xda7a0003", "0", "PhysicalMemory") PhysicalMemory_FUNCTIONS
#define PhysicalMemory_LOCAL \
    W_SERVICE("L", "0xda7a0003", "0", "PhysicalMemory") PhysicalMemory_FUNCTIONS
#define PhysicalMemory_REQUIRES(field) \
    W_SERVICE("R", "0xda7a0003", "0", field ":" "PhysicalMemory") PhysicalMemory_FUNCTIONS
#define PhysicalMemory_OPTIONAL(field) \
    W_SERVICE("R", "0xda7a0003", "2", field ":" "PhysicalMemory") PhysicalMemory_FUNCTIONS

/* AddressSpace */
w_ret AddressSpace_map(AddressSpace self, DataSpace p1)
    W_SYMBOL("wcall.da7a0004.0.AddressSpace.map.r3665428481_w");
#define AddressSpace_ENTRIES(state) struct { \
    w_ret (*map)(state *self, DataSpace p1); \
}
#define AddressSpace_FUNCTIONS \
    W_FUNCTION("map(r3665428481_w)") \
    ""
#define AddressSpace_PROVIDES \
    W_SERVICE("P", "0xda7a0004", "0", "AddressSpace") AddressSpace_FUNCTIONS
#define AddressSpace_LOCAL \
    W_SERVICE("L", "0xda7a0004", "0", "AddressSpace") AddressSpace_FUNCTIONS
#define AddressSpace_REQUIRES(field) \
    W_SERVICE("R", "0xda7a0004", "0", field ":" "AddressSpace") AddressSpace_FUNCTIONS
#define AddressSpace_OPTIONAL(field) \
    W_SERVICE("R", "0xda7a0004", "2", field ":" "AddressSpace") AddressSpace_FUNCTIONS

/* Namespace */
w_ret Namespace_mount(Namespace self, const uint8_t *p1, size_t p1_bytes, FileSystem p2)
    W_SYMBOL("wcall.0a3e0001.0.Namespace.mount.ir4045275138_n");
w_ret Namespace_unmount(Namespace self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.0a3e0001.1.Namespace.unmount.i_n");
w_ret Namespace_mounted(Namespace self, uint64_t p1, uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.0a3e0001.2.Namespace.mounted.wo_w");
#define Namespace_ENTRIES(state) struct { \
    w_ret (*mount)(state *self, const uint8_t *p1, size_t p1_bytes, FileSystem p2); \
    w_ret (*unmount)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*mounted)(state *self, uint64_t p1, uint8_t *p2, size_t p2_bytes); \
}
#define Namespace_FUNCTIONS \
    W_FUNCTION("mount(ir4045275138_n)") \
    W_FUNCTION("unmount(i_n)") \
    W_FUNCTION("mounted(wo_w)") \
    ""
#define Namespace_PROVIDES \
    W_SERVICE("P", "0x0a3e0001", "0", "Namespace") Namespace_FUNCTIONS
#define Namespace_LOCAL \
    W_SERVICE("L", "0x0a3e0001", "0", "Namespace") Namespace_FUNCTIONS
#define Namespace_REQUIRES(field) \
    W_SERVICE("R", "0x0a3e0001", "0", field ":" "Namespace") Namespace_FUNCTIONS
#define Namespace_OPTIONAL(field) \
    W_SERVICE("R", "0x0a3e0001", "2", field ":" "Namespace") Namespace_FUNCTIONS

/* Parameters */
w_ret Parameters_get(Parameters self, const uint8_t *p1, size_t p1_bytes, uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcalla.9a2a0001.0.Parameters.get.io_w");
#define Parameters_ENTRIES(state) struct { \
    w_ret (*get)(state *self, const uint8_t *p1, size_t p1_bytes, uint8_t *p2, size_t p2_bytes); \
}
#define Parameters_FUNCTIONS \
    W_FUNCTION("get(io_w)") \
    ""
#define Parameters_PROVIDES \
    W_SERVICE("P", "0x9a2a0001", "1", "Parameters") Parameters_FUNCTIONS
#define Parameters_LOCAL \
    W_SERVICE("L", "0x9a2a0001", "1", "Parameters") Parameters_FUNCTIONS
#define Parameters_REQUIRES(field) \
    W_SERVICE("R", "0x9a2a0001", "1", field ":" "Parameters") Parameters_FUNCTIONS
#define Parameters_OPTIONAL(field) \
    W_SERVICE("R", "0x9a2a0001", "3", field ":" "Parameters") Parameters_FUNCTIONS

/* PciBus */
w_ret PciBus_device(PciBus self, uint32_t p1)
    W_SYMBOL("wcall.0c1b0001.0.PciBus.device.v_r203096066");
w_ret PciBus_find(PciBus self, uint32_t p1, uint32_t p2, uint32_t p3)
    W_SYMBOL("wcall.0c1b0001.1.PciBus.find.vvv_r203096066");
#define PciBus_ENTRIES(state) struct { \
    w_ret (*device)(state *self, uint32_t p1); \
    w_ret (*find)(state *self, uint32_t p1, uint32_t p2, uint32_t p3); \
}
#define PciBus_FUNCTIONS \
    W_FUNCTION("device(v_r203096066)") \
    W_FUNCTION("find(vvv_r203096066)") \
    ""
#define PciBus_PROVIDES \
    W_SERVICE("P", "0x0c1b0001", "0", "PciBus") PciBus_FUNCTIONS
#define PciBus_LOCAL \
    W_SERVICE("L", "0x0c1b0001", "0", "PciBus") PciBus_FUNCTIONS
#define PciBus_REQUIRES(field) \
    W_SERVICE("R", "0x0c1b0001", "0", field ":" "PciBus") PciBus_FUNCTIONS
#define PciBus_OPTIONAL(field) \
    W_SERVICE("R", "0x0c1b0001", "2", field ":" "PciBus") PciBus_FUNCTIONS

/* PciDevice */
w_ret PciDevice_identity(PciDevice self, void *p1 /* 12 bytes */)
    W_SYMBOL("wcall.0c1b0002.0.PciDevice.identity.t12_n");
w_ret PciDevice_read(PciDevice self, uint32_t p1)
    W_SYMBOL("wcall.0c1b0002.1.PciDevice.read.v_v");
w_ret PciDevice_write(PciDevice self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcall.0c1b0002.2.PciDevice.write.vv_n");
w_ret PciDevice_memory(PciDevice self, uint32_t p1)
    W_SYMBOL("wcall.0c1b0002.3.PciDevice.memory.v_r3665428481");
w_ret PciDevice_ports(PciDevice self, uint32_t p1)
    W_SYMBOL("wcall.0c1b0002.4.PciDevice.ports.v_r277872642");
w_ret PciDevice_interrupt(PciDevice self)
    W_SYMBOL("wcall.0c1b0002.5.PciDevice.interrupt._r309919745");
w_ret PciDevice_message(PciDevice self, uint32_t p1)
    W_SYMBOL("wcall.0c1b0002.6.PciDevice.message.v_r309919745");
w_ret PciDevice_enable(PciDevice self)
    W_SYMBOL("wcall.0c1b0002.7.PciDevice.enable._n");
#define PciDevice_ENTRIES(state) struct { \
    w_ret (*identity)(state *self, void *p1 /* 12 bytes */); \
    w_ret (*read)(state *self, uint32_t p1); \
    w_ret (*write)(state *self, uint32_t p1, uint32_t p2); \
    w_ret (*memory)(state *self, uint32_t p1); \
    w_ret (*ports)(state *self, uint32_t p1); \
    w_ret (*interrupt)(state *self); \
    w_ret (*message)(state *self, uint32_t p1); \
    w_ret (*enable)(state *self); \
}
#define PciDevice_FUNCTIONS \
    W_FUNCTION("identity(t12_n)") \
    W_FUNCTION("read(v_v)") \
    W_FUNCTION("write(vv_n)") \
    W_FUNCTION("memory(v_r3665428481)") \
    W_FUNCTION("ports(v_r277872642)") \
    W_FUNCTION("interrupt(_r309919745)") \
    W_FUNCTION("message(v_r309919745)") \
    W_FUNCTION("enable(_n)") \
    ""
#define PciDevice_PROVIDES \
    W_SERVICE("P", "0x0c1b0002", "0", "PciDevice") PciDevice_FUNCTIONS
#define PciDevice_LOCAL \
    W_SERVICE("L", "0x0c1b0002", "0", "PciDevice") PciDevice_FUNCTIONS
#define PciDevice_REQUIRES(field) \
    W_SERVICE("R", "0x0c1b0002", "0", field ":" "PciDevice") PciDevice_FUNCTIONS
#define PciDevice_OPTIONAL(field) \
    W_SERVICE("R", "0x0c1b0002", "2", field ":" "PciDevice") PciDevice_FUNCTIONS

/* IoPorts */
w_ret IoPorts_read8(IoPorts self, uint32_t p1)
    W_SYMBOL("wcalla.10900002.0.IoPorts.read8.v_v");
w_ret IoPorts_read16(IoPorts self, uint32_t p1)
    W_SYMBOL("wcalla.10900002.1.IoPorts.read16.v_v");
w_ret IoPorts_read32(IoPorts self, uint32_t p1)
    W_SYMBOL("wcalla.10900002.2.IoPorts.read32.v_v");
w_ret IoPorts_write8(IoPorts self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcalla.10900002.3.IoPorts.write8.vv_n");
w_ret IoPorts_write16(IoPorts self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcalla.10900002.4.IoPorts.write16.vv_n");
w_ret IoPorts_write32(IoPorts self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcalla.10900002.5.IoPorts.write32.vv_n");
#define IoPorts_ENTRIES(state) struct { \
    w_ret (*read8)(state *self, uint32_t p1); \
    w_ret (*read16)(state *self, uint32_t p1); \
    w_ret (*read32)(state *self, uint32_t p1); \
    w_ret (*write8)(state *self, uint32_t p1, uint32_t p2); \
    w_ret (*write16)(state *self, uint32_t p1, uint32_t p2); \
    w_ret (*write32)(state *self, uint32_t p1, uint32_t p2); \
}
#define IoPorts_FUNCTIONS \
    W_FUNCTION("read8(v_v)") \
    W_FUNCTION("read16(v_v)") \
    W_FUNCTION("read32(v_v)") \
    W_FUNCTION("write8(vv_n)") \
    W_FUNCTION("write16(vv_n)") \
    W_FUNCTION("write32(vv_n)") \
    ""
#define IoPorts_PROVIDES \
    W_SERVICE("P", "0x10900002", "1", "IoPorts") IoPorts_FUNCTIONS
#define IoPorts_LOCAL \
    W_SERVICE("L", "0x10900002", "1", "IoPorts") IoPorts_FUNCTIONS
#define IoPorts_REQUIRES(field) \
    W_SERVICE("R", "0x10900002", "1", field ":" "IoPorts") IoPorts_FUNCTIONS
#define IoPorts_OPTIONAL(field) \
    W_SERVICE("R", "0x10900002", "3", field ":" "IoPorts") IoPorts_FUNCTIONS

/* PortSpace */
w_ret PortSpace_range(PortSpace self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcall.10900003.0.PortSpace.range.vv_r277872642");
#define PortSpace_ENTRIES(state) struct { \
    w_ret (*range)(state *self, uint32_t p1, uint32_t p2); \
}
#define PortSpace_FUNCTIONS \
    W_FUNCTION("range(vv_r277872642)") \
    ""
#define PortSpace_PROVIDES \
    W_SERVICE("P", "0x10900003", "0", "PortSpace") PortSpace_FUNCTIONS
#define PortSpace_LOCAL \
    W_SERVICE("L", "0x10900003", "0", "PortSpace") PortSpace_FUNCTIONS
#define PortSpace_REQUIRES(field) \
    W_SERVICE("R", "0x10900003", "0", field ":" "PortSpace") PortSpace_FUNCTIONS
#define PortSpace_OPTIONAL(field) \
    W_SERVICE("R", "0x10900003", "2", field ":" "PortSpace") PortSpace_FUNCTIONS

/* Power */
w_ret Power_off(Power self, uint32_t p1)
    W_SYMBOL("wcall.90e20001.0.Power.off.v_n");
#define Power_ENTRIES(state) struct { \
    w_ret (*off)(state *self, uint32_t p1); \
}
#define Power_FUNCTIONS \
    W_FUNCTION("off(v_n)") \
    ""
#define Power_PROVIDES \
    W_SERVICE("P", "0x90e20001", "0", "Power") Power_FUNCTIONS
#define Power_LOCAL \
    W_SERVICE("L", "0x90e20001", "0", "Power") Power_FUNCTIONS
#define Power_REQUIRES(field) \
    W_SERVICE("R", "0x90e20001", "0", field ":" "Power") Power_FUNCTIONS
#define Power_OPTIONAL(field) \
    W_SERVICE("R", "0x90e20001", "2", field ":" "Power") Power_FUNCTIONS

/* Program */
w_ret Program_start(Program self, const uint8_t *p1, size_t p1_bytes, const uint8_t *p2, size_t p2_bytes, FileSystem p3, Stream p4, Supervisor p5)
    W_SYMBOL("wcall.74520004.0.Program.start.iir4045275138r1951531013r1951531014_r1951531013");
w_ret Program_manual(Program self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.74520004.1.Program.manual.o_w");
#define Program_ENTRIES(state) struct { \
    w_ret (*start)(state *self, const uint8_t *p1, size_t p1_bytes, const uint8_t *p2, size_t p2_bytes, FileSystem p3, Stream p4, Supervisor p5); \
    w_ret (*manual)(state *self, uint8_t *p1, size_t p1_bytes); \
}
#define Program_FUNCTIONS \
    W_FUNCTION("start(iir4045275138r1951531013r1951531014_r1951531013)") \
    W_FUNCTION("manual(o_w)") \
    ""
#define Program_PROVIDES \
    W_SERVICE("P", "0x74520004", "0", "Program") Program_FUNCTIONS
#define Program_LOCAL \
    W_SERVICE("L", "0x74520004", "0", "Program") Program_FUNCTIONS
#define Program_REQUIRES(field) \
    W_SERVICE("R", "0x74520004", "0", field ":" "Program") Program_FUNCTIONS
#define Program_OPTIONAL(field) \
    W_SERVICE("R", "0x74520004", "2", field ":" "Program") Program_FUNCTIONS

/* Stream */
w_ret Stream_read(Stream self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.74520005.0.Stream.read.o_w");
w_ret Stream_status(Stream self)
    W_SYMBOL("wcall.74520005.1.Stream.status._w");
#define Stream_ENTRIES(state) struct { \
    w_ret (*read)(state *self, uint8_t *p1, size_t p1_bytes); \
    w_ret (*status)(state *self); \
}
#define Stream_FUNCTIONS \
    W_FUNCTION("read(o_w)") \
    W_FUNCTION("status(_w)") \
    ""
#define Stream_PROVIDES \
    W_SERVICE("P", "0x74520005", "0", "Stream") Stream_FUNCTIONS
#define Stream_LOCAL \
    W_SERVICE("L", "0x74520005", "0", "Stream") Stream_FUNCTIONS
#define Stream_REQUIRES(field) \
    W_SERVICE("R", "0x74520005", "0", field ":" "Stream") Stream_FUNCTIONS
#define Stream_OPTIONAL(field) \
    W_SERVICE("R", "0x74520005", "2", field ":" "Stream") Stream_FUNCTIONS

/* Supervisor */
w_ret Supervisor_complain(Supervisor self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.74520006.0.Supervisor.complain.i_n");
w_ret Supervisor_go_on(Supervisor self)
    W_SYMBOL("wcall.74520006.1.Supervisor.go_on._n");
#define Supervisor_ENTRIES(state) struct { \
    w_ret (*complain)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*go_on)(state *self); \
}
#define Supervisor_FUNCTIONS \
    W_FUNCTION("complain(i_n)") \
    W_FUNCTION("go_on(_n)") \
    ""
#define Supervisor_PROVIDES \
    W_SERVICE("P", "0x74520006", "0", "Supervisor") Supervisor_FUNCTIONS
#define Supervisor_LOCAL \
    W_SERVICE("L", "0x74520006", "0", "Supervisor") Supervisor_FUNCTIONS
#define Supervisor_REQUIRES(field) \
    W_SERVICE("R", "0x74520006", "0", field ":" "Supervisor") Supervisor_FUNCTIONS
#define Supervisor_OPTIONAL(field) \
    W_SERVICE("R", "0x74520006", "2", field ":" "Supervisor") Supervisor_FUNCTIONS

/* Queue */
w_ret Queue_put(Queue self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.90e00001.0.Queue.put.i_w");
w_ret Queue_take(Queue self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.90e00001.1.Queue.take.o_w");
w_ret Queue_length(Queue self)
    W_SYMBOL("wcall.90e00001.2.Queue.length._w");
w_ret Queue_close(Queue self)
    W_SYMBOL("wcall.90e00001.3.Queue.close._n");
#define Queue_ENTRIES(state) struct { \
    w_ret (*put)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*take)(state *self, uint8_t *p1, size_t p1_bytes); \
    w_ret (*length)(state *self); \
    w_ret (*close)(state *self); \
}
#define Queue_FUNCTIONS \
    W_FUNCTION("put(i_w)") \
    W_FUNCTION("take(o_w)") \
    W_FUNCTION("length(_w)") \
    W_FUNCTION("close(_n)") \
    ""
#define Queue_PROVIDES \
    W_SERVICE("P", "0x90e00001", "0", "Queue") Queue_FUNCTIONS
#define Queue_LOCAL \
    W_SERVICE("L", "0x90e00001", "0", "Queue") Queue_FUNCTIONS
#define Queue_REQUIRES(field) \
    W_SERVICE("R", "0x90e00001", "0", field ":" "Queue") Queue_FUNCTIONS
#define Queue_OPTIONAL(field) \
    W_SERVICE("R", "0x90e00001", "2", field ":" "Queue") Queue_FUNCTIONS

/* MemoryQueue */
w_ret MemoryQueue_put(MemoryQueue self, const uint8_t *p1, size_t p1_bytes, DataSpace p2)
    W_SYMBOL("wcall.90e00002.0.MemoryQueue.put.ir3665428481_n");
w_ret MemoryQueue_take(MemoryQueue self, uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.90e00002.1.MemoryQueue.take.o_r3665428481");
w_ret MemoryQueue_length(MemoryQueue self)
    W_SYMBOL("wcall.90e00002.2.MemoryQueue.length._w");
w_ret MemoryQueue_close(MemoryQueue self)
    W_SYMBOL("wcall.90e00002.3.MemoryQueue.close._n");
#define MemoryQueue_ENTRIES(state) struct { \
    w_ret (*put)(state *self, const uint8_t *p1, size_t p1_bytes, DataSpace p2); \
    w_ret (*take)(state *self, uint8_t *p1, size_t p1_bytes); \
    w_ret (*length)(state *self); \
    w_ret (*close)(state *self); \
}
#define MemoryQueue_FUNCTIONS \
    W_FUNCTION("put(ir3665428481_n)") \
    W_FUNCTION("take(o_r3665428481)") \
    W_FUNCTION("length(_w)") \
    W_FUNCTION("close(_n)") \
    ""
#define MemoryQueue_PROVIDES \
    W_SERVICE("P", "0x90e00002", "0", "MemoryQueue") MemoryQueue_FUNCTIONS
#define MemoryQueue_LOCAL \
    W_SERVICE("L", "0x90e00002", "0", "MemoryQueue") MemoryQueue_FUNCTIONS
#define MemoryQueue_REQUIRES(field) \
    W_SERVICE("R", "0x90e00002", "0", field ":" "MemoryQueue") MemoryQueue_FUNCTIONS
#define MemoryQueue_OPTIONAL(field) \
    W_SERVICE("R", "0x90e00002", "2", field ":" "MemoryQueue") MemoryQueue_FUNCTIONS

/* Queues */
w_ret Queues_queue(Queues self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcall.90e00003.0.Queues.queue.vv_r2430599169");
w_ret Queues_memory_queue(Queues self, uint32_t p1, uint32_t p2)
    W_SYMBOL("wcall.90e00003.1.Queues.memory_queue.vv_r2430599170");
#define Queues_ENTRIES(state) struct { \
    w_ret (*queue)(state *self, uint32_t p1, uint32_t p2); \
    w_ret (*memory_queue)(state *self, uint32_t p1, uint32_t p2); \
}
#define Queues_FUNCTIONS \
    W_FUNCTION("queue(vv_r2430599169)") \
    W_FUNCTION("memory_queue(vv_r2430599170)") \
    ""
#define Queues_PROVIDES \
    W_SERVICE("P", "0x90e00003", "0", "Queues") Queues_FUNCTIONS
#define Queues_LOCAL \
    W_SERVICE("L", "0x90e00003", "0", "Queues") Queues_FUNCTIONS
#define Queues_REQUIRES(field) \
    W_SERVICE("R", "0x90e00003", "0", field ":" "Queues") Queues_FUNCTIONS
#define Queues_OPTIONAL(field) \
    W_SERVICE("R", "0x90e00003", "2", field ":" "Queues") Queues_FUNCTIONS

/* Semaphore */
w_ret Semaphore_acquire(Semaphore self)
    W_SYMBOL("wcall.5e4a0001.0.Semaphore.acquire._n");
w_ret Semaphore_try_acquire(Semaphore self)
    W_SYMBOL("wcall.5e4a0001.1.Semaphore.try_acquire._n");
w_ret Semaphore_release(Semaphore self, uint32_t p1)
    W_SYMBOL("wcall.5e4a0001.2.Semaphore.release.v_n");
#define Semaphore_ENTRIES(state) struct { \
    w_ret (*acquire)(state *self); \
    w_ret (*try_acquire)(state *self); \
    w_ret (*release)(state *self, uint32_t p1); \
}
#define Semaphore_FUNCTIONS \
    W_FUNCTION("acquire(_n)") \
    W_FUNCTION("try_acquire(_n)") \
    W_FUNCTION("release(v_n)") \
    ""
#define Semaphore_PROVIDES \
    W_SERVICE("P", "0x5e4a0001", "0", "Semaphore") Semaphore_FUNCTIONS
#define Semaphore_LOCAL \
    W_SERVICE("L", "0x5e4a0001", "0", "Semaphore") Semaphore_FUNCTIONS
#define Semaphore_REQUIRES(field) \
    W_SERVICE("R", "0x5e4a0001", "0", field ":" "Semaphore") Semaphore_FUNCTIONS
#define Semaphore_OPTIONAL(field) \
    W_SERVICE("R", "0x5e4a0001", "2", field ":" "Semaphore") Semaphore_FUNCTIONS

/* Semaphores */
w_ret Semaphores_semaphore(Semaphores self, uint32_t p1)
    W_SYMBOL("wcall.5e4a0002.0.Semaphores.semaphore.v_r1581907969");
#define Semaphores_ENTRIES(state) struct { \
    w_ret (*semaphore)(state *self, uint32_t p1); \
}
#define Semaphores_FUNCTIONS \
    W_FUNCTION("semaphore(v_r1581907969)") \
    ""
#define Semaphores_PROVIDES \
    W_SERVICE("P", "0x5e4a0002", "0", "Semaphores") Semaphores_FUNCTIONS
#define Semaphores_LOCAL \
    W_SERVICE("L", "0x5e4a0002", "0", "Semaphores") Semaphores_FUNCTIONS
#define Semaphores_REQUIRES(field) \
    W_SERVICE("R", "0x5e4a0002", "0", field ":" "Semaphores") Semaphores_FUNCTIONS
#define Semaphores_OPTIONAL(field) \
    W_SERVICE("R", "0x5e4a0002", "2", field ":" "Semaphores") Semaphores_FUNCTIONS

/* Task */
w_ret Task_run(Task self)
    W_SYMBOL("wcall.74520001.0.Task.run._w");
#define Task_ENTRIES(state) struct { \
    w_ret (*run)(state *self); \
}
#define Task_FUNCTIONS \
    W_FUNCTION("run(_w)") \
    ""
#define Task_PROVIDES \
    W_SERVICE("P", "0x74520001", "0", "Task") Task_FUNCTIONS
#define Task_LOCAL \
    W_SERVICE("L", "0x74520001", "0", "Task") Task_FUNCTIONS
#define Task_REQUIRES(field) \
    W_SERVICE("R", "0x74520001", "0", field ":" "Task") Task_FUNCTIONS
#define Task_OPTIONAL(field) \
    W_SERVICE("R", "0x74520001", "2", field ":" "Task") Task_FUNCTIONS

/* ThreadFactory */
w_ret ThreadFactory_start(ThreadFactory self, const uint8_t *p1, size_t p1_bytes, Task p2)
    W_SYMBOL("wcall.74520002.0.ThreadFactory.start.ir1951531009_r1951531011");
#define ThreadFactory_ENTRIES(state) struct { \
    w_ret (*start)(state *self, const uint8_t *p1, size_t p1_bytes, Task p2); \
}
#define ThreadFactory_FUNCTIONS \
    W_FUNCTION("start(ir1951531009_r1951531011)") \
    ""
#define ThreadFactory_PROVIDES \
    W_SERVICE("P", "0x74520002", "0", "ThreadFactory") ThreadFactory_FUNCTIONS
#define ThreadFactory_LOCAL \
    W_SERVICE("L", "0x74520002", "0", "ThreadFactory") ThreadFactory_FUNCTIONS
#define ThreadFactory_REQUIRES(field) \
    W_SERVICE("R", "0x74520002", "0", field ":" "ThreadFactory") ThreadFactory_FUNCTIONS
#define ThreadFactory_OPTIONAL(field) \
    W_SERVICE("R", "0x74520002", "2", field ":" "ThreadFactory") ThreadFactory_FUNCTIONS

/* Thread */
w_ret Thread_join(Thread self)
    W_SYMBOL("wcall.74520003.0.Thread.join._w");
#define Thread_ENTRIES(state) struct { \
    w_ret (*join)(state *self); \
}
#define Thread_FUNCTIONS \
    W_FUNCTION("join(_w)") \
    ""
#define Thread_PROVIDES \
    W_SERVICE("P", "0x74520003", "0", "Thread") Thread_FUNCTIONS
#define Thread_LOCAL \
    W_SERVICE("L", "0x74520003", "0", "Thread") Thread_FUNCTIONS
#define Thread_REQUIRES(field) \
    W_SERVICE("R", "0x74520003", "0", field ":" "Thread") Thread_FUNCTIONS
#define Thread_OPTIONAL(field) \
    W_SERVICE("R", "0x74520003", "2", field ":" "Thread") Thread_FUNCTIONS

/* Scheduler */
w_ret Scheduler_schedule(Scheduler self, Processor p1)
    W_SYMBOL("wcall.5c4e0002.0.Scheduler.schedule.r1548615681_n");
#define Scheduler_ENTRIES(state) struct { \
    w_ret (*schedule)(state *self, Processor p1); \
}
#define Scheduler_FUNCTIONS \
    W_FUNCTION("schedule(r1548615681_n)") \
    ""
#define Scheduler_PROVIDES \
    W_SERVICE("P", "0x5c4e0002", "0", "Scheduler") Scheduler_FUNCTIONS
#define Scheduler_LOCAL \
    W_SERVICE("L", "0x5c4e0002", "0", "Scheduler") Scheduler_FUNCTIONS
#define Scheduler_REQUIRES(field) \
    W_SERVICE("R", "0x5c4e0002", "0", field ":" "Scheduler") Scheduler_FUNCTIONS
#define Scheduler_OPTIONAL(field) \
    W_SERVICE("R", "0x5c4e0002", "2", field ":" "Scheduler") Scheduler_FUNCTIONS

/* Processor */
w_ret Processor_dispatch(Processor self, uint64_t p1, uint64_t p2, uint64_t p3, uint32_t p4, void *p5 /* 120 bytes */)
    W_SYMBOL("wcall.5c4e0001.0.Processor.dispatch.wwwvt120_n");
w_ret Processor_terms(Processor self, uint64_t p1, void *p2 /* 32 bytes */)
    W_SYMBOL("wcall.5c4e0001.1.Processor.terms.wt32_n");
#define Processor_ENTRIES(state) struct { \
    w_ret (*dispatch)(state *self, uint64_t p1, uint64_t p2, uint64_t p3, uint32_t p4, void *p5 /* 120 bytes */); \
    w_ret (*terms)(state *self, uint64_t p1, void *p2 /* 32 bytes */); \
}
#define Processor_FUNCTIONS \
    W_FUNCTION("dispatch(wwwvt120_n)") \
    W_FUNCTION("terms(wt32_n)") \
    ""
#define Processor_PROVIDES \
    W_SERVICE("P", "0x5c4e0001", "0", "Processor") Processor_FUNCTIONS
#define Processor_LOCAL \
    W_SERVICE("L", "0x5c4e0001", "0", "Processor") Processor_FUNCTIONS
#define Processor_REQUIRES(field) \
    W_SERVICE("R", "0x5c4e0001", "0", field ":" "Processor") Processor_FUNCTIONS
#define Processor_OPTIONAL(field) \
    W_SERVICE("R", "0x5c4e0001", "2", field ":" "Processor") Processor_FUNCTIONS

/* Signal */
w_ret Signal_wait(Signal self, uint64_t p1, uint64_t p2)
    W_SYMBOL("wcall.51690003.0.Signal.wait.ww_w");
w_ret Signal_raiser(Signal self)
    W_SYMBOL("wcall.51690003.1.Signal.raiser._r1365835780");
#define Signal_ENTRIES(state) struct { \
    w_ret (*wait)(state *self, uint64_t p1, uint64_t p2); \
    w_ret (*raiser)(state *self); \
}
#define Signal_FUNCTIONS \
    W_FUNCTION("wait(ww_w)") \
    W_FUNCTION("raiser(_r1365835780)") \
    ""
#define Signal_PROVIDES \
    W_SERVICE("P", "0x51690003", "0", "Signal") Signal_FUNCTIONS
#define Signal_LOCAL \
    W_SERVICE("L", "0x51690003", "0", "Signal") Signal_FUNCTIONS
#define Signal_REQUIRES(field) \
    W_SERVICE("R", "0x51690003", "0", field ":" "Signal") Signal_FUNCTIONS
#define Signal_OPTIONAL(field) \
    W_SERVICE("R", "0x51690003", "2", field ":" "Signal") Signal_FUNCTIONS

/* Raiser */
w_ret Raiser_raise(Raiser self)
    W_SYMBOL("wcalla.51690004.0.Raiser.raise._w");
#define Raiser_ENTRIES(state) struct { \
    w_ret (*raise)(state *self); \
}
#define Raiser_FUNCTIONS \
    W_FUNCTION("raise(_w)") \
    ""
#define Raiser_PROVIDES \
    W_SERVICE("P", "0x51690004", "1", "Raiser") Raiser_FUNCTIONS
#define Raiser_LOCAL \
    W_SERVICE("L", "0x51690004", "1", "Raiser") Raiser_FUNCTIONS
#define Raiser_REQUIRES(field) \
    W_SERVICE("R", "0x51690004", "1", field ":" "Raiser") Raiser_FUNCTIONS
#define Raiser_OPTIONAL(field) \
    W_SERVICE("R", "0x51690004", "3", field ":" "Raiser") Raiser_FUNCTIONS

/* Signals */
w_ret Signals_signal(Signals self)
    W_SYMBOL("wcall.51690005.0.Signals.signal._r1365835779");
#define Signals_ENTRIES(state) struct { \
    w_ret (*signal)(state *self); \
}
#define Signals_FUNCTIONS \
    W_FUNCTION("signal(_r1365835779)") \
    ""
#define Signals_PROVIDES \
    W_SERVICE("P", "0x51690005", "0", "Signals") Signals_FUNCTIONS
#define Signals_LOCAL \
    W_SERVICE("L", "0x51690005", "0", "Signals") Signals_FUNCTIONS
#define Signals_REQUIRES(field) \
    W_SERVICE("R", "0x51690005", "0", field ":" "Signals") Signals_FUNCTIONS
#define Signals_OPTIONAL(field) \
    W_SERVICE("R", "0x51690005", "2", field ":" "Signals") Signals_FUNCTIONS

/* SystemControl */
w_ret SystemControl_server(SystemControl self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 40 bytes */)
    W_SYMBOL("wcall.5c000002.0.SystemControl.server.vot40_n");
w_ret SystemControl_crash(SystemControl self, const uint8_t *p1, size_t p1_bytes, const uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.5c000002.1.SystemControl.crash.ii_n");
w_ret SystemControl_end_thread(SystemControl self, uint64_t p1)
    W_SYMBOL("wcall.5c000002.2.SystemControl.end_thread.w_n");
w_ret SystemControl_end_server(SystemControl self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.5c000002.3.SystemControl.end_server.i_n");
w_ret SystemControl_end_principal(SystemControl self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.5c000002.4.SystemControl.end_principal.i_w");
w_ret SystemControl_backtrace(SystemControl self)
    W_SYMBOL("wcall.5c000002.5.SystemControl.backtrace._n");
#define SystemControl_ENTRIES(state) struct { \
    w_ret (*server)(state *self, uint32_t p1, uint8_t *p2, size_t p2_bytes, void *p3 /* 40 bytes */); \
    w_ret (*crash)(state *self, const uint8_t *p1, size_t p1_bytes, const uint8_t *p2, size_t p2_bytes); \
    w_ret (*end_thread)(state *self, uint64_t p1); \
    w_ret (*end_server)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*end_principal)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*backtrace)(state *self); \
}
#define SystemControl_FUNCTIONS \
    W_FUNCTION("server(vot40_n)") \
    W_FUNCTION("crash(ii_n)") \
    W_FUNCTION("end_thread(w_n)") \
    W_FUNCTION("end_server(i_n)") \
    W_FUNCTION("end_principal(i_w)") \
    W_FUNCTION("backtrace(_n)") \
    ""
#define SystemControl_PROVIDES \
    W_SERVICE("P", "0x5c000002", "0", "SystemControl") SystemControl_FUNCTIONS
#define SystemControl_LOCAL \
    W_SERVICE("L", "0x5c000002", "0", "SystemControl") SystemControl_FUNCTIONS
#define SystemControl_REQUIRES(field) \
    W_SERVICE("R", "0x5c000002", "0", field ":" "SystemControl") SystemControl_FUNCTIONS
#define SystemControl_OPTIONAL(field) \
    W_SERVICE("R", "0x5c000002", "2", field ":" "SystemControl") SystemControl_FUNCTIONS

/* Terminal */
w_ret Terminal_read_line(Terminal self, const uint8_t *p1, size_t p1_bytes, uint8_t *p2, size_t p2_bytes)
    W_SYMBOL("wcall.c0150002.0.Terminal.read_line.io_w");
w_ret Terminal_write(Terminal self, const uint8_t *p1, size_t p1_bytes)
    W_SYMBOL("wcall.c0150002.1.Terminal.write.i_n");
w_ret Terminal_interactive(Terminal self)
    W_SYMBOL("wcall.c0150002.2.Terminal.interactive._v");
w_ret Terminal_interrupted(Terminal self)
    W_SYMBOL("wcall.c0150002.3.Terminal.interrupted._v");
#define Terminal_ENTRIES(state) struct { \
    w_ret (*read_line)(state *self, const uint8_t *p1, size_t p1_bytes, uint8_t *p2, size_t p2_bytes); \
    w_ret (*write)(state *self, const uint8_t *p1, size_t p1_bytes); \
    w_ret (*interactive)(state *self); \
    w_ret (*interrupted)(state *self); \
}
#define Terminal_FUNCTIONS \
    W_FUNCTION("read_line(io_w)") \
    W_FUNCTION("write(i_n)") \
    W_FUNCTION("interactive(_v)") \
    W_FUNCTION("interrupted(_v)") \
    ""
#define Terminal_PROVIDES \
    W_SERVICE("P", "0xc0150002", "0", "Terminal") Terminal_FUNCTIONS
#define Terminal_LOCAL \
    W_SERVICE("L", "0xc0150002", "0", "Terminal") Terminal_FUNCTIONS
#define Terminal_REQUIRES(field) \
    W_SERVICE("R", "0xc0150002", "0", field ":" "Terminal") Terminal_FUNCTIONS
#define Terminal_OPTIONAL(field) \
    W_SERVICE("R", "0xc0150002", "2", field ":" "Terminal") Terminal_FUNCTIONS
