// Keyed state by itself: one task's thread, files in a folder. One line of JSON a measurement; CPU time, as the machine
// may be busy with something else.
//
//   state_bench checkpoint FOLDER STATE_MB DIRTY_PERCENT ROUNDS [BACKEND [DIRTY_KEYS]]
//       fills the state, then changes entries at random and takes a checkpoint, ROUNDS times. DIRTY_KEYS instead of the
//       percentage when it is given. At the end the last checkpoint is restored.
//   state_bench restore FOLDER STATE_MB BUDGET_MB DIRTY_PERCENT ROUNDS
//       such checkpoints of a state in memory; the last is restored by the backend rocksdb with that budget.
//   state_bench growth FOLDER KEYS BUDGET_MB OPERATIONS [WIDTH]
//       counts KEYS keys in batches, in values of WIDTH bytes: each for the first time, then OPERATIONS mostly of those
//       that came last, then as many of all alike; a checkpoint every 10 M updates. What the database still does after
//       the last of them counts too.
//   state_bench lines FOLDER READ_KB CHANGED_KB OPERATIONS
//       no state: what an operation takes that reads a line and changes another, at random in so much memory.
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/checkpoint/file/file_storage.h"
#include "taskmanager/state/state_factory.h"
#include "tests/bench/memory_lines.h"

namespace weir::taskmanager {
namespace {

// Entries that a task copies between two batches.
constexpr int64_t kPiece = 8192;
constexpr int64_t kBatch = 4096;
constexpr int32_t kValueWidth = 64;
constexpr int32_t kCountWidth = 8;
constexpr int64_t kEntryBytes = 9 + kValueWidth;  // what a user would count: key and value
constexpr int64_t kInterval = 10'000'000;         // updates
constexpr int64_t kLookEach = 64 * kBatch;        // updates: at the memory

double CpuSeconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of this process, now; field as in /proc/self/status.
double MemoryMb(const char* field) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  double mb = 0;
  while (file != nullptr && std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::strncmp(line, field, std::strlen(field)) == 0)
      mb = std::atof(line + std::strlen(field) + 1) / 1024;
  }
  if (file != nullptr) std::fclose(file);
  return mb;
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "state_bench: %s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}
void Must(const absl::Status& status) {
  if (!status.ok()) Must(absl::StatusOr<int>(status));
}

std::unique_ptr<KeyedState> Open(const std::string& folder, const std::string& backend,
                                 int64_t budget, const std::string& name,
                                 std::vector<checkpoint::KeyedSnapshot> restored,
                                 const std::shared_ptr<checkpoint::Storage>& storage) {
  KeyedStateOptions options;
  options.backend = backend;
  options.local_dir = folder + "/local-" + name;
  options.storage_prefix = "job/state/" + name + "/";
  options.range = {0, 128};
  options.memory_budget_bytes = budget;
  return Must(OpenKeyedState(options, storage, std::move(restored)));
}

// Updates of numbered keys.
class Updates {
 public:
  Updates(KeyedState* state, int32_t width) : entries_(Must(state->OpenTable({"count", width, false}))->Open(0)) {
    rows_.resize(kBatch);
    for (size_t i = 0; i < rows_.size(); ++i) rows_[i] = static_cast<uint32_t>(i);
    slots_.resize(kBatch);
    values_.resize(kBatch);
    keys_.bytes.resize(kBatch * 9);
    keys_.hashes.resize(kBatch);
    for (int64_t i = 0; i <= kBatch; ++i) keys_.offsets.push_back(static_cast<uint32_t>(i * 9));
  }

  // One batch; the keys are what `next` gives. Returns the CPU seconds of the state alone.
  template <typename Next>
  double Apply(int64_t count, Next next) {
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t key = next();
      char* at = keys_.bytes.data() + i * 9;
      *at = 1;
      std::memcpy(at + 1, &key, sizeof(key));
      keys_.hashes[static_cast<size_t>(i)] = batch::HashKey({at, 9});
    }
    const double before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
    Must(entries_.FindOrInsert(keys_, nullptr, rows_.data(), count, slots_.data(), nullptr));
    entries_.Values(slots_.data(), count, values_.data());
    for (int64_t i = 0; i < count; ++i) {
      int64_t v;
      std::memcpy(&v, values_[static_cast<size_t>(i)], sizeof(v));
      ++v;
      std::memcpy(values_[static_cast<size_t>(i)], &v, sizeof(v));
    }
    return CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - before;
  }

  void Fill(int64_t from, int64_t to) {
    for (int64_t key = from; key < to;)
      Apply(std::min(kBatch, to - key), [&] { return static_cast<uint64_t>(key++); });
  }

 private:
  NamespaceTable& entries_;
  batch::KeyBatch keys_;
  std::vector<uint32_t> rows_, slots_;
  std::vector<std::byte*> values_;
};

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// A whole checkpoint, as a task takes it when nothing else is to be done.
checkpoint::KeyedSnapshot Checkpoint(KeyedState* state, int64_t id) {
  auto writer = Must(state->Freeze(CheckpointId(id)));
  while (!state->CopyFrozen(kPiece)) {
  }
  return Must(writer->Write());
}

int Checkpoints(const std::string& folder, int64_t state_mb, double dirty_percent, int rounds, const std::string& backend,
                int64_t dirty_keys) {
  const std::shared_ptr<checkpoint::Storage> storage = Must(checkpoint::OpenFileStorage("file://" + folder + "/checkpoints", checkpoint::RootFolder::kCreate));
  auto state = Open(folder, backend, int64_t{256} << 20, "first", {}, storage);
  Updates updates(state.get(), kValueWidth);
  const int64_t keys = (state_mb << 20) / kEntryBytes;
  updates.Fill(0, keys);
  int64_t id = 0;
  Checkpoint(state.get(), ++id);
  if (dirty_keys == 0) dirty_keys = static_cast<int64_t>(static_cast<double>(keys) * dirty_percent / 100);
  dirty_keys = std::max<int64_t>(dirty_keys, 1);
  Rng rng(1);
  std::vector<double> sync, write;
  int64_t written = 0, left = dirty_keys;
  double copied = 0;
  const auto update = [&](int64_t count) {
    updates.Apply(count, [&] { return rng.Below(static_cast<uint64_t>(keys)); });
  };
  checkpoint::KeyedSnapshot snapshot;
  for (int round = 0; round < rounds; ++round) {
    for (; left > 0; left -= kBatch) update(std::min(left, kBatch));
    left = dirty_keys;
    // The task stands still for the barrier, then for each piece of the copy, between its batches.
    double begin = CpuSeconds(CLOCK_THREAD_CPUTIME_ID), longest = 0;
    const auto stood = [&] {
      const double now = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
      longest = std::max(longest, now - begin);
      copied += now - begin;
    };
    auto writer = Must(state->Freeze(CheckpointId(++id)));
    stood();
    for (bool all = false; !all;) {
      begin = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
      all = state->CopyFrozen(kPiece);
      stood();
      if (all || left <= 0) continue;
      update(std::min(left, kBatch));
      left -= kBatch;
    }
    const double began = WallSeconds();
    snapshot = Must(writer->Write());
    write.push_back(WallSeconds() - began);
    sync.push_back(longest);
    written += writer->bytes_written();
    state->OnCheckpointComplete(CheckpointId(id));
  }
  state.reset();
  // Of all threads: files are read by one, the database has its own.
  const double cpu = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID), wall = WallSeconds();
  state = Open(folder, backend, int64_t{256} << 20, "second", {snapshot}, storage);
  const double dirty_bytes = static_cast<double>(dirty_keys * kEntryBytes);
  std::printf("{\"state_mb\": %lld, \"dirty_keys\": %lld, \"dirty_mb\": %.3f, \"rounds\": %d, \"sync_ms_p50\": %.3f, \"sync_ms_p99\": %.3f, "
              "\"sync_ms_max\": %.3f, \"copy_ms\": %.3f, \"write_ms_p50\": %.3f, \"write_ms_p99\": %.3f, \"written_per_dirty\": %.3f, "
              "\"deltas\": %zu, \"base_files\": %zu, \"restore_cpu_s\": %.3f, \"restore_wall_s\": %.3f, \"peak_mb\": %.0f}\n",
              static_cast<long long>(state_mb), static_cast<long long>(dirty_keys), dirty_bytes / 1e6, rounds,
              Quantile(sync, 0.5) * 1e3, Quantile(sync, 0.99) * 1e3, Quantile(sync, 1) * 1e3, copied / rounds * 1e3, Quantile(write, 0.5) * 1e3,
              Quantile(write, 0.99) * 1e3, static_cast<double>(written) / (dirty_bytes * rounds), snapshot.deltas.size(),
              snapshot.base.size(), CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, WallSeconds() - wall, MemoryMb("VmHWM"));
  return 0;
}

// CPU time of the process until nothing is left to be done behind the caller's back.
double SettledCpu() {
  double before = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
  for (int idle = 0; idle < 3;) {
    ::usleep(100'000);
    const double now = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
    idle = now - before < 0.005 ? idle + 1 : 0;
    before = now;
  }
  return before;
}

// What a checkpoint of a state in memory costs to be read back, with room for all of it or not.
int Restore(const std::string& folder, int64_t state_mb, int64_t budget_mb, double dirty_percent, int rounds) {
  const std::shared_ptr<checkpoint::Storage> storage = Must(checkpoint::OpenFileStorage("file://" + folder + "/checkpoints", checkpoint::RootFolder::kCreate));
  auto state = Open(folder, "memory", int64_t{64} << 30, "first", {}, storage);
  Updates updates(state.get(), kValueWidth);
  const int64_t keys = (state_mb << 20) / kEntryBytes;
  updates.Fill(0, keys);
  int64_t id = 0;
  Checkpoint(state.get(), ++id);
  const auto dirty = static_cast<int64_t>(static_cast<double>(keys) * dirty_percent / 100);
  Rng rng(1);
  checkpoint::KeyedSnapshot snapshot;
  for (int round = 0; round < rounds; ++round) {
    for (int64_t left = dirty; left > 0; left -= kBatch)
      updates.Apply(std::min(left, kBatch), [&] { return rng.Below(static_cast<uint64_t>(keys)); });
    snapshot = Checkpoint(state.get(), ++id);
  }
  state.reset();
  int64_t bytes = 0;
  for (const auto& file : snapshot.base) bytes += static_cast<int64_t>(file.size_bytes);
  for (const auto& delta : snapshot.deltas) bytes += static_cast<int64_t>(delta.is_inline() ? delta.bytes.size() : delta.file.size_bytes);
  const double cpu = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID), wall = WallSeconds();
  state = Open(folder, "rocksdb", budget_mb << 20, "second", {snapshot}, storage);
  std::printf("{\"state_mb\": %lld, \"budget_mb\": %lld, \"deltas\": %zu, \"base_files\": %zu, \"read_mb\": %.0f, \"restore_cpu_s\": %.3f, "
              "\"restore_wall_s\": %.3f, \"state_memory_mb\": %.0f}\n",
              static_cast<long long>(state_mb), static_cast<long long>(budget_mb), snapshot.deltas.size(), snapshot.base.size(),
              static_cast<double>(bytes) / 1e6, CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, WallSeconds() - wall,
              static_cast<double>(state->memory_bytes()) / (1 << 20));
  return 0;
}

int Growth(const std::string& folder, int64_t keys, int64_t budget_mb, int64_t operations, int32_t width) {
  const std::shared_ptr<checkpoint::Storage> storage = Must(checkpoint::OpenFileStorage("file://" + folder + "/checkpoints", checkpoint::RootFolder::kCreate));
  auto state = Open(folder, "rocksdb", budget_mb << 20, "first", {}, storage);
  Updates updates(state.get(), width);
  Rng rng(1);
  int64_t id = 0;
  double most_mb = 0, on_state = 0;
  // CPU nanoseconds an update, of the whole process.
  const auto measure = [&](int64_t count, auto next) {
    const double before = SettledCpu();
    on_state = 0;
    for (int64_t done = 0, cut = kInterval; done < count;) {
      const int64_t n = std::min(kBatch, count - done);
      on_state += updates.Apply(n, next);
      done += n;
      if (done % kLookEach == 0) most_mb = std::max(most_mb, MemoryMb("RssAnon"));
      if (done < cut && done < count) continue;
      Checkpoint(state.get(), ++id);
      most_mb = std::max(most_mb, MemoryMb("RssAnon"));
      cut += kInterval;
    }
    return (SettledCpu() - before) / static_cast<double>(count) * 1e9;
  };
  const auto all = static_cast<uint64_t>(keys);
  uint64_t made = 0;
  const auto uniform = [&] { return rng.Below(all); };
  const auto recent = [&]() -> uint64_t {
    return rng.Below(16) == 0 ? rng.Below(all) : all - 1 - rng.Below(std::max<uint64_t>(all / 64, 1));
  };
  const double fill_ns = measure(keys, [&] { return made++; });
  const double recent_ns = measure(operations, recent);
  measure(operations / 4, uniform);
  const double uniform_ns = measure(operations, uniform);
  std::printf("{\"keys\": %lld, \"budget_mb\": %lld, \"width\": %d, \"fill_ns\": %.1f, \"recent_ns\": %.1f, \"uniform_ns\": %.1f, "
              "\"state_ns\": %.1f, \"state_memory_mb\": %.1f, \"peak_mb\": %.0f, \"anonymous_mb\": %.0f}\n",
              static_cast<long long>(keys), static_cast<long long>(budget_mb), width, fill_ns, recent_ns, uniform_ns,
              on_state / static_cast<double>(operations) * 1e9, static_cast<double>(state->memory_bytes()) / (1 << 20),
              MemoryMb("VmHWM"), most_mb);
  return 0;
}

int Run(int argc, char** argv) {
  const std::vector<std::string> a(argv, argv + argc);
  if (a.size() < 6) {
    std::fprintf(stderr, "usage: state_bench checkpoint|restore|growth|lines FOLDER ...: see the head of state_bench.cc\n");
    return 2;
  }
  std::filesystem::create_directories(a[2]);
  const auto number = [&](size_t i, int64_t otherwise) { return a.size() > i ? std::atoll(a[i].c_str()) : otherwise; };
  if (a[1] == "growth") return Growth(a[2], number(3, 0), number(4, 0), number(5, 0), static_cast<int32_t>(number(6, kCountWidth)));
  if (a[1] == "lines") {
    const double ns = bench::TwoLinesNs(static_cast<size_t>(number(3, 64)) << 10, static_cast<size_t>(number(4, 64)) << 10, number(5, 0));
    std::printf("{\"lines_ns\": %.1f}\n", ns);
    return 0;
  }
  if (a[1] == "restore") {
    return Restore(a[2], number(3, 0), number(4, 0), a.size() > 5 ? std::atof(a[5].c_str()) : 0, static_cast<int>(number(6, 1)));
  }
  return Checkpoints(a[2], number(3, 0), std::atof(a[4].c_str()), static_cast<int>(number(5, 0)),
                     a.size() > 6 ? a[6] : "rocksdb", number(7, 0));
}

}  // namespace
}  // namespace weir::taskmanager

int main(int argc, char** argv) { return weir::taskmanager::Run(argc, argv); }
