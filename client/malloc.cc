/// How jemalloc is set up, read by it before main: few arenas, because a job has few busy threads
/// and every arena keeps pages of its own; unused pages go back to the system within seconds, by a
/// thread of its own.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:8,background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
}
