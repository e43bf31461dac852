#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/kafka/contract/subject.h"

namespace weir::taskmanager::kafka::contract {

/// The words that scripts are written in: each does one thing and notes the answer, so that two clusters that behave
/// alike leave the same lines. Producer ids are noted in the order in which they come up, times not at all.
/// Thread: confined.
class Steps {
 public:
  Steps(Subject* subject, std::string topic, std::vector<std::string>* answers)
      : subject_(subject), topic_(std::move(topic)), answers_(answers) {}

  /// The transactional id that the next steps are about: `<topic>/<name>`.
  std::string Id(const std::string& name) const { return topic_ + "/" + name; }

  // ---- Producers of sinks, by name ----
  /// Makes one on the id and warms it.
  void Warm(const std::string& producer, const std::string& id, int64_t timeout_ms = 60'000);
  void Begin(const std::string& producer);
  /// `count` records `<text>0`… to a partition, and waits until they are confirmed or refused.
  void Produce(const std::string& producer, int32_t partition, const std::string& text, int count);
  void Mark(const std::string& producer, int64_t checkpoint);
  void Commit(const std::string& producer);
  /// The end of the instance.
  void Destroy(const std::string& producer);
  /// Where its records lie; read again from the log by its identity.
  void ReadLog(const std::string& producer, const std::string& id);

  // ---- Requests with Kafka's own answers ----
  void Init(const std::string& id, int64_t timeout_ms = 60'000);
  /// Again until the answer is another one than CONCURRENT_TRANSACTIONS.
  void InitUntilDone(const std::string& id, int64_t timeout_ms = 60'000);
  /// With the identity that Describe has last told of the id, the epoch moved by `epoch`, the producer id by `pid`.
  /// Again while CONCURRENT_TRANSACTIONS.
  void EndTxn(const std::string& id, bool commit, int epoch = 0, int64_t pid = 0);
  /// Waits until the state is no transition, then notes it; its identity is remembered.
  void Describe(const std::string& id);
  /// Notes it, without remembering the identity.
  void Peek(const std::string& id);
  void OffsetFetch(const std::string& id, bool stable);

  // ---- Ports ----
  void PortCommit(const std::string& id);
  void PortFence(const std::string& id);
  void PortMarker(const std::string& id);
  void PortListOngoing(const std::string& prefix);

  // ---- What can be seen ----
  void Committed(int32_t partition);
  void Pause(int64_t ms) { subject_->Pause(ms); }
  void Note(const std::string& line) { answers_->push_back(line); }
  Subject& subject() { return *subject_; }
  const std::string& topic() const { return topic_; }
  ProducerIdentity identity(const std::string& id) const { return identities_.at(id); }

 private:
  std::string Text(const ProducerIdentity& identity);
  std::string Text(const absl::Status& status) const;
  protocol::DescribeTransactionsResponse::Transaction Ask(const std::string& id);

  Subject* const subject_;
  const std::string topic_;
  std::vector<std::string>* const answers_;
  std::map<std::string, std::unique_ptr<Producer>> producers_;
  std::map<std::string, ProducerIdentity> identities_;
  std::map<int64_t, std::string> names_;  // of producer ids
};

}  // namespace weir::taskmanager::kafka::contract
