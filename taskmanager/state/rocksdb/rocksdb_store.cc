#include "taskmanager/state/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_writer.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"

namespace weir::taskmanager {
namespace {

namespace fs = std::filesystem;

absl::Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message =
      absl::StrCat("local state database: ", std::string(what), ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::InternalError(message);
}

// Batches of so many entries become files at once.
constexpr size_t kFileFrom = 32768;
constexpr size_t kWriteBytes = 256 << 10;
constexpr size_t kAskedAtOnce = 64;
constexpr size_t kAhead = 16;  // entries whose memory is asked for ahead

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options OptionsFor(int64_t memory_bytes) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = static_cast<size_t>(std::clamp<int64_t>(memory_bytes / 8, 1 << 20, 64 << 20));
  options.max_write_buffer_number = 3;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  options.max_background_jobs = 2;
  options.info_log_level = rocksdb::ERROR_LEVEL;
  options.keep_log_file_num = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.avoid_flush_during_shutdown = true;
  // Files come sorted and large: they are merged with others of their size, each entry a few times in its life.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = 16;
  options.level0_slowdown_writes_trigger = 64;
  options.level0_stop_writes_trigger = 96;
  options.compaction_options_universal.size_ratio = 20;
  options.compaction_options_universal.min_merge_width = 8;
  // Entries are small and asked for one by one: a block is read in place, neither copied nor unpacked nor cached.
  options.compression = rocksdb::kNoCompression;
  options.allow_mmap_reads = true;
  options.max_open_files = -1;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.cache_index_and_filter_blocks = false;
  table.block_size = 1 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // What is asked for is there, as a rule: KeyFilter knows. The last file is not asked whether it has it.
  options.optimize_filters_for_hits = true;
  return options;
}

// The local folder of an attempt's stores; goes with the last that holds it.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  absl::StatusOr<std::string> NewPath() {
    std::error_code error;
    fs::create_directories(path_, error);
    if (error) {
      return absl::InternalError(
          absl::StrCat("cannot make the state folder ", path_, ": ", error.message()));
    }
    return absl::StrCat(path_, "/", ++count_);
  }

 private:
  const std::string path_;
  std::atomic<int64_t> count_{0};
};

class RocksDbCursor final : public OrderedStore::Cursor {
 public:
  explicit RocksDbCursor(rocksdb::DB* db) : it_(db->NewIterator(rocksdb::ReadOptions())) {}
  void Seek(std::string_view key) override { it_->Seek(SliceOf(key)); }
  void Next() override { it_->Next(); }
  bool Valid() const override { return it_->Valid(); }
  std::string_view key() const override { return ViewOf(it_->key()); }
  std::string_view value() const override { return ViewOf(it_->value()); }
  absl::Status status() const override { return FromRocks(it_->status(), "scan"); }

 private:
  std::unique_ptr<rocksdb::Iterator> it_;
};

class RocksDbStore final : public OrderedStore {
 public:
  RocksDbStore(std::shared_ptr<Folder> folder, rocksdb::Options options, std::unique_ptr<rocksdb::DB> db)
      : folder_(std::move(folder)), options_(std::move(options)), db_(std::move(db)) {
    unlogged_.disableWAL = true;
  }

  absl::Status Write(const ColdBatch& batch) override {
    if (batch.empty()) return absl::OkStatus();
    if (batch.size() >= kFileFrom || WEIR_BUGGIFY("database_file")) return WriteFile(batch);
    rocksdb::WriteBatch written;
    for (size_t i = 0; i < batch.size(); ++i) {
      const rocksdb::Slice key = SliceOf(batch.key(i));
      RETURN_IF_ERROR(FromRocks(batch.has_value(i) ? written.Put(key, SliceOf(batch.value(i))) : written.Delete(key), "put"));
      if (written.GetDataSize() < kWriteBytes) continue;
      RETURN_IF_ERROR(FromRocks(db_->Write(unlogged_, &written), "write"));
      written.Clear();
    }
    return written.Count() == 0 ? absl::OkStatus() : FromRocks(db_->Write(unlogged_, &written), "write");
  }

  absl::Status DeleteRange(const std::string& begin, const std::string& end) override {
    if (begin >= end) return absl::OkStatus();
    return FromRocks(db_->DeleteRange(unlogged_, db_->DefaultColumnFamily(), begin, end),
                     "delete range");
  }

  absl::Status MultiGet(const ColdBatch& keys, const Found& found) override {
    std::array<rocksdb::Slice, kAskedAtOnce> asked;
    std::array<rocksdb::PinnableSlice, kAskedAtOnce> values;
    std::array<rocksdb::Status, kAskedAtOnce> statuses;
    for (size_t from = 0; from < keys.size(); from += kAskedAtOnce) {
      const size_t n = std::min(kAskedAtOnce, keys.size() - from);
      for (size_t i = 0; i < n; ++i) asked[i] = SliceOf(keys.key(from + i));
      db_->MultiGet(reads_, db_->DefaultColumnFamily(), n, asked.data(), values.data(), statuses.data(),
                    /*sorted_input=*/true);
      for (size_t i = 0; i < n; ++i) {
        if (!statuses[i].IsNotFound()) {
          RETURN_IF_ERROR(FromRocks(statuses[i], "get"));
          RETURN_IF_ERROR(found(from + i, ViewOf(values[i])));
        }
        values[i].Reset();
      }
    }
    return absl::OkStatus();
  }

  std::unique_ptr<Cursor> NewCursor() override {
    return std::make_unique<RocksDbCursor>(db_.get());
  }

  int64_t ApproximateBytes() const override {
    uint64_t files = 0, buffers = 0;
    db_->GetIntProperty(rocksdb::DB::Properties::kEstimateLiveDataSize, &files);
    db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &buffers);
    return static_cast<int64_t>(files + buffers);
  }

  absl::StatusOr<std::vector<File>> Checkpoint() override {
    ReleaseCheckpoint();
    ASSIGN_OR_RETURN(const std::string path, folder_->NewPath());
    rocksdb::Checkpoint* raw = nullptr;
    RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(db_.get(), &raw), "checkpoint"));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    // 0: flushes what is in the write buffers, as there is no log.
    RETURN_IF_ERROR(FromRocks(checkpoint->CreateCheckpoint(path, 0), "checkpoint"));
    checkpoint_ = path;
    std::vector<File> files;
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name.ends_with(".log")) continue;  // empty: nothing is logged
      files.push_back({name, it->path().string(), static_cast<uint64_t>(it->file_size(error))});
    }
    if (error)
      return absl::InternalError(absl::StrCat("cannot list ", path, ": ", error.message()));
    std::sort(files.begin(), files.end(),
              [](const File& a, const File& b) { return a.name < b.name; });
    return files;
  }

  void ReleaseCheckpoint() override {
    if (checkpoint_.empty()) return;
    std::error_code ignored;
    fs::remove_all(checkpoint_, ignored);
    checkpoint_.clear();
  }

 private:
  // A sorted file is what the database would make of the batch in the end: no write buffer sorts it once more.
  absl::Status WriteFile(const ColdBatch& batch) {
    ASSIGN_OR_RETURN(const std::string path, folder_->NewPath());
    rocksdb::SstFileWriter file(rocksdb::EnvOptions(), options_);
    RETURN_IF_ERROR(FromRocks(file.Open(path), "new file"));
    for (size_t i = 0; i < batch.size(); ++i) {
      batch.Prefetch(i + kAhead);
      const rocksdb::Slice key = SliceOf(batch.key(i));
      RETURN_IF_ERROR(FromRocks(batch.has_value(i) ? file.Put(key, SliceOf(batch.value(i))) : file.Delete(key), "put"));
    }
    RETURN_IF_ERROR(FromRocks(file.Finish(), "write"));
    rocksdb::IngestExternalFileOptions how;
    how.move_files = true;
    return FromRocks(db_->IngestExternalFile({path}, how), "add file");
  }

  const std::shared_ptr<Folder> folder_;
  const rocksdb::Options options_;
  const std::unique_ptr<rocksdb::DB> db_;  // closed before the folder goes
  rocksdb::WriteOptions unlogged_;
  rocksdb::ReadOptions reads_;
  std::string checkpoint_;  // of the one thread that makes checkpoints
};

class RocksDbStores final : public OrderedStoreFactory {
 public:
  RocksDbStores(std::string folder, int64_t memory_bytes)
      : folder_(std::make_shared<Folder>(std::move(folder))), memory_bytes_(memory_bytes) {}

  absl::StatusOr<std::string> NewFolder() override {
    ASSIGN_OR_RETURN(const std::string path, folder_->NewPath());
    std::error_code error;
    fs::create_directory(path, error);
    if (error)
      return absl::InternalError(
          absl::StrCat("cannot make the state folder ", path, ": ", error.message()));
    return path;
  }

  absl::StatusOr<std::shared_ptr<OrderedStore>> Open(const std::string& folder) override {
    rocksdb::DB* raw = nullptr;
    const rocksdb::Options options = OptionsFor(memory_bytes_);
    const rocksdb::Status opened = rocksdb::DB::Open(options, folder, &raw);
    std::unique_ptr<rocksdb::DB> db(raw);
    RETURN_IF_ERROR(FromRocks(opened, "open"));
    return std::make_shared<RocksDbStore>(folder_, options, std::move(db));
  }

 private:
  const std::shared_ptr<Folder> folder_;
  const int64_t memory_bytes_;
};

}  // namespace

std::unique_ptr<OrderedStoreFactory> MakeRocksDbStores(std::string folder, int64_t memory_bytes) {
  return std::make_unique<RocksDbStores>(std::move(folder), memory_bytes);
}

}  // namespace weir::taskmanager
