#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/runtime/event_loop.h"
#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

/// Puts the records of one job, one after another, each repeated until the store has answered.
///
/// Thread:    confined to the loop.
/// Errors:    an unknown answer is settled only by repeating the same put, so nothing behind it
/// goes before; a refused
///            put deposes the leader (`deposed`) and ends the queue.
/// Invariant: `then` runs only when the record is durable.
/// Source:    design.md 5.6.
class RecordWriter : public std::enable_shared_from_this<RecordWriter> {
 public:
  RecordWriter(runtime::EventLoop* loop, runtime::Worker* io, MetadataStore* store,
               std::function<void(absl::Status)> deposed)
      : loop_(loop), io_(io), store_(store), deposed_(std::move(deposed)) {}

  /// The first record of a job, with its spec. Not repeated: `then` gets the error.
  void Create(JobRecord record, std::string spec, std::function<void(absl::Status)> then);
  /// `checkpoint`: the record completes one (failpoints).
  void Put(JobRecord record, bool checkpoint, std::function<void()> then);

 private:
  struct Item {
    JobRecord record;
    bool checkpoint = false;
    std::function<void()> then;
  };
  void Next();
  void Write();
  void OnAnswer(const absl::Status& status);

  runtime::EventLoop* const loop_;
  runtime::Worker* const io_;
  MetadataStore* const store_;
  const std::function<void(absl::Status)> deposed_;
  std::deque<Item> queue_;
  bool busy_ = false;
  bool stopped_ = false;
};

}  // namespace weir::jobmanager
