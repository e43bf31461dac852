#include "taskmanager/state/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
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

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options OptionsFor(int64_t memory_bytes) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size =
      static_cast<size_t>(std::clamp<int64_t>(memory_bytes / 8, 1 << 20, 64 << 20));
  options.max_write_buffer_number = 3;
  // Most keys that are asked for are new ones: a filter answers, for the write buffers too.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  // Entries are small and asked for one by one: a block is read in place, neither copied nor unpacked.
  options.compression = rocksdb::kNoCompression;
  options.allow_mmap_reads = true;
  options.info_log_level = rocksdb::ERROR_LEVEL;
  options.keep_log_file_num = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.avoid_flush_during_shutdown = true;
  options.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache =
      rocksdb::NewLRUCache(static_cast<size_t>(std::max<int64_t>(memory_bytes / 2, 1 << 20)), 2);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
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
  RocksDbStore(std::shared_ptr<Folder> folder, std::unique_ptr<rocksdb::DB> db)
      : folder_(std::move(folder)), db_(std::move(db)) {
    unlogged_.disableWAL = true;
  }

  absl::Status Put(const std::vector<std::pair<std::string, std::string>>& entries) override {
    if (entries.empty()) return absl::OkStatus();
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : entries)
      RETURN_IF_ERROR(FromRocks(batch.Put(key, value), "put"));
    return FromRocks(db_->Write(unlogged_, &batch), "write");
  }

  absl::Status Delete(const std::vector<std::string>& keys) override {
    if (keys.empty()) return absl::OkStatus();
    rocksdb::WriteBatch batch;
    for (const std::string& key : keys) RETURN_IF_ERROR(FromRocks(batch.Delete(key), "delete"));
    return FromRocks(db_->Write(unlogged_, &batch), "write");
  }

  absl::Status DeleteRange(const std::string& begin, const std::string& end) override {
    if (begin >= end) return absl::OkStatus();
    return FromRocks(db_->DeleteRange(unlogged_, db_->DefaultColumnFamily(), begin, end),
                     "delete range");
  }

  absl::Status MultiGet(const std::vector<std::string>& keys,
                        std::vector<std::optional<std::string>>* values) override {
    const size_t n = keys.size();
    values->assign(n, std::nullopt);
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> found(n);
    std::vector<rocksdb::Status> statuses(n);
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), n, slices.data(),
                  found.data(), statuses.data());
    for (size_t i = 0; i < n; ++i) {
      if (statuses[i].IsNotFound()) continue;
      RETURN_IF_ERROR(FromRocks(statuses[i], "get"));
      (*values)[i] = found[i].ToString();
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
  const std::shared_ptr<Folder> folder_;
  const std::unique_ptr<rocksdb::DB> db_;  // closed before the folder goes
  rocksdb::WriteOptions unlogged_;
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
    const rocksdb::Status opened = rocksdb::DB::Open(OptionsFor(memory_bytes_), folder, &raw);
    std::unique_ptr<rocksdb::DB> db(raw);
    RETURN_IF_ERROR(FromRocks(opened, "open"));
    return std::make_shared<RocksDbStore>(folder_, std::move(db));
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
