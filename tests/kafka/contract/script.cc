#include "tests/kafka/contract/script.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::taskmanager::kafka::contract {
namespace {

using namespace protocol;

constexpr int64_t kCallMs = 20'000;

bool IsTransition(const std::string& state) {
  return state == "PrepareCommit" || state == "PrepareAbort" || state == "PrepareEpochFence";
}

}  // namespace

std::string Steps::Text(const ProducerIdentity& identity) {
  if (identity.producer_id < 0) return "nobody";
  const auto [at, fresh] = names_.emplace(identity.producer_id, absl::StrCat("pid", names_.size() + 1));
  return absl::StrCat(at->second, " epoch ", identity.epoch);
}

/// Clients word things differently: whether it went well is what counts, and whether it may pass.
std::string Steps::Text(const absl::Status& status) const { return status.ok() ? "ok" : "refused"; }

void Steps::Warm(const std::string& name, const std::string& id, int64_t timeout_ms) {
  ProducerOptions options;
  options.name = name;
  options.topic = topic_;
  options.transactional_id = id;
  options.transaction_timeout_ms = timeout_ms;
  options.connection = subject_->connection();
  auto made = subject_->ports().make_producer(std::move(options));
  if (!made.ok()) return Note(absl::StrCat(name, " is not made: ", made.status().ToString()));
  producers_[name] = *std::move(made);
  const absl::Status warmed = producers_[name]->Warm(kCallMs);
  Note(absl::StrCat(name, " warm: ", Text(warmed), ", ", producers_[name]->partition_count(), " partitions"));
}

void Steps::Begin(const std::string& name) { Note(absl::StrCat(name, " begin: ", Text(producers_[name]->Begin()))); }

void Steps::Produce(const std::string& name, int32_t partition, const std::string& text, int count) {
  Producer& producer = *producers_[name];
  absl::Status status;
  for (int i = 0; i < count && status.ok(); ++i) {
    KafkaRecord record;
    record.partition = partition;
    record.value = absl::StrCat(text, i);
    status = producer.Produce(record, kCallMs);
  }
  if (status.ok()) status = producer.Drain(producer.Produced(), kCallMs);
  Note(absl::StrCat(name, " produces ", count, " to partition ", partition, ": ", Text(status)));
}

void Steps::Mark(const std::string& name, int64_t checkpoint) {
  const Marker marker{CheckpointId{checkpoint}, absl::StrCat("of ", checkpoint)};
  Note(absl::StrCat(name, " marks ", checkpoint, ": ", Text(producers_[name]->SendMarker(0, marker, kCallMs))));
}

void Steps::Commit(const std::string& name) {
  Note(absl::StrCat(name, " commits: ", Text(producers_[name]->Commit(kCallMs))));
}

void Steps::Destroy(const std::string& name) { producers_.erase(name); }

void Steps::ReadLog(const std::string& name, const std::string& id) {
  const std::unique_ptr<LogReader> log = subject_->ports().make_log_reader();
  for (const OffsetRun& run : producers_[name]->Runs()) {
    std::vector<std::string> values;
    const absl::Status status = log->Read(
        topic_, run, identities_.at(id),
        [&values](const KafkaRecord& record) {
          values.push_back(record.value);
          return absl::OkStatus();
        },
        subject_->clock()->Steady() + kCallMs * 1000);
    Note(absl::StrCat("log of ", name, " partition ", run.partition, " from ", run.first, " to ", run.last, ": ",
                      absl::StatusCodeToString(status.code()), " ", absl::StrJoin(values, ",")));
  }
}

void Steps::Init(const std::string& id, int64_t timeout_ms) {
  InitProducerIdRequest request;
  request.transactional_id = id;
  request.transaction_timeout_ms = static_cast<int32_t>(timeout_ms);
  const InitProducerIdResponse response = subject_->Init(request);
  Note(absl::StrCat("init ", id, ": ", ErrorName(response.error), ", ",
                    Text(ProducerIdentity{response.producer_id, response.producer_epoch})));
}

void Steps::InitUntilDone(const std::string& id, int64_t timeout_ms) {
  InitProducerIdRequest request;
  request.transactional_id = id;
  request.transaction_timeout_ms = static_cast<int32_t>(timeout_ms);
  InitProducerIdResponse response = subject_->Init(request);
  while (response.error == kConcurrentTransactions) {
    subject_->Pause(20);
    response = subject_->Init(request);
  }
  Note(absl::StrCat("init ", id, " until done: ", ErrorName(response.error), ", ",
                    Text(ProducerIdentity{response.producer_id, response.producer_epoch})));
}

void Steps::EndTxn(const std::string& id, bool commit, int epoch, int64_t pid) {
  const ProducerIdentity& known = identities_.at(id);
  EndTxnRequest request;
  request.transactional_id = id;
  request.producer_id = known.producer_id + pid;
  request.producer_epoch = static_cast<int16_t>(known.epoch + epoch);
  request.committed = commit;
  EndTxnResponse response = subject_->EndTxn(request);
  while (response.error == kConcurrentTransactions) {
    subject_->Pause(20);
    response = subject_->EndTxn(request);
  }
  Note(absl::StrCat("EndTxn ", commit ? "commit " : "abort ", id, epoch == 0 ? "" : absl::StrCat(" epoch ", epoch),
                    pid == 0 ? "" : " of another", ": ", ErrorName(response.error)));
}

DescribeTransactionsResponse::Transaction Steps::Ask(const std::string& id) {
  DescribeTransactionsRequest request;
  request.transactional_id = id;
  const DescribeTransactionsResponse response = subject_->Describe(request);
  if (response.transactions.empty()) return {};
  return response.transactions.front();
}

void Steps::Describe(const std::string& id) {
  DescribeTransactionsResponse::Transaction found = Ask(id);
  while (IsTransition(found.state)) {
    subject_->Pause(20);
    found = Ask(id);
  }
  identities_[id] =
      found.error == kNone ? ProducerIdentity{found.producer_id, found.producer_epoch} : ProducerIdentity{};
  Note(absl::StrCat("describe ", id, ": ", ErrorName(found.error), " ", found.state, " ", Text(identities_[id]),
                    " timeout ", found.timeout_ms, found.started_ms > 0 ? " started" : ""));
}

void Steps::Peek(const std::string& id) {
  const ProducerIdentity known = identities_[id];
  Describe(id);
  identities_[id] = known;
}

void Steps::OffsetFetch(const std::string& id, bool stable) {
  OffsetFetchRequest request;
  request.group = id;
  request.topic = topic_;
  request.partition = 0;
  request.require_stable = stable;
  const OffsetFetchResponse response = subject_->OffsetFetch(request);
  Note(absl::StrCat("offset of ", id, stable ? " stable: " : ": ", ErrorName(response.error), " ", response.offset,
                    " `", response.metadata, "`"));
}

void Steps::PortCommit(const std::string& id) {
  const auto outcome =
      subject_->ports().coordinator->Commit(id, identities_.at(id), subject_->clock()->Steady() + kCallMs * 1000);
  Note(absl::StrCat("commit ", id, " by the port: ",
                    !outcome.ok()                        ? outcome.status().ToString()
                    : *outcome == EndOutcome::kCommitted ? "committed"
                                                         : "uncertain"));
}

void Steps::PortFence(const std::string& id) {
  const auto fenced = subject_->ports().coordinator->Fence(id, 60'000, subject_->clock()->Steady() + kCallMs * 1000);
  Note(absl::StrCat("fence ", id, " by the port: ", fenced.ok() ? Text(*fenced) : fenced.status().ToString()));
}

void Steps::PortMarker(const std::string& id) {
  const auto marker =
      subject_->ports().coordinator->ReadMarker(id, topic_, 0, true, subject_->clock()->Steady() + kCallMs * 1000);
  Note(absl::StrCat("marker ", id, " by the port: ",
                    !marker.ok() ? marker.status().ToString()
                    : !marker->has_value()
                        ? "none"
                        : absl::StrCat((*marker)->checkpoint.value, " `", (*marker)->metadata, "`")));
}

void Steps::PortListOngoing(const std::string& prefix) {
  const auto found = subject_->ports().coordinator->ListOngoing(prefix, subject_->clock()->Steady() + kCallMs * 1000);
  std::vector<std::string> ids;
  if (found.ok()) {
    for (const ListedTransaction& one : *found) ids.push_back(one.transactional_id);
  }
  std::sort(ids.begin(), ids.end());
  Note(absl::StrCat("ongoing below ", prefix, ": ", found.ok() ? absl::StrJoin(ids, ",") : found.status().ToString()));
}

void Steps::Committed(int32_t partition) {
  // A decided transaction is seen when its markers are written.
  for (const auto& [id, identity] : identities_) {
    while (IsTransition(Ask(id).state)) subject_->Pause(20);
  }
  Note(absl::StrCat("committed in partition ", partition, ": ",
                    absl::StrJoin(subject_->Committed(topic_, partition), ",")));
}

}  // namespace weir::taskmanager::kafka::contract
