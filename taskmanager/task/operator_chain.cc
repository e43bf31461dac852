#include "taskmanager/task/operator_chain.h"

#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {
constexpr int kPorts = 3;
}  // namespace

OperatorChain::OperatorChain(const plan::Task* task, std::vector<OperatorPtr> operators, OperatorCounters* counters,
                             const Clock* clock, int64_t restored_watermark)
    : task_(task), operators_(std::move(operators)), counters_(counters), clock_(clock),
      watermark_(restored_watermark) {
  const auto count = static_cast<int>(task->operators.size());
  consumers_.assign(count, std::vector<std::vector<int>>(kPorts));
  edge_writers_.assign(count, std::vector<std::vector<int>>(kPorts));
  for (int i = 0; i < count; ++i) {
    outputs_.emplace_back(this, i);
    const plan::PlanOperator& op = task->operators[i];
    if (op.parent >= 0) consumers_[op.parent][static_cast<int>(op.parent_port)].push_back(i);
  }
}

void OperatorChain::Connect(const plan::ExecutionPlan& plan, std::vector<std::unique_ptr<EdgeWriter>> writers) {
  writers_ = std::move(writers);
  for (size_t w = 0; w < writers_.size(); ++w) {
    const plan::Edge& edge = plan.edges[task_->outputs[w]];
    edge_writers_[edge.from_operator][static_cast<int>(edge.from_port)].push_back(static_cast<int>(w));
  }
}

absl::Status OperatorChain::Emit(int from, int port, batch::Batch batch) {
  if (batch.rows == 0) return absl::OkStatus();
  for (const int w : edge_writers_[from][port]) {
    counters_->rows_out += batch.rows;
    RETURN_IF_ERROR(writers_[w]->Write(batch, clock_->Steady()));
  }
  const std::vector<int>& consumers = consumers_[from][port];
  for (size_t i = 0; i < consumers.size(); ++i) {
    const int to = consumers[i];
    // The last one may take the batch; buffers are shared anyway.
    RETURN_IF_ERROR(operators_[to]->Process(i + 1 == consumers.size() ? std::move(batch) : batch, outputs_[to]));
  }
  return absl::OkStatus();
}

absl::Status OperatorChain::Process(int side, batch::Batch batch) {
  return operators_[0]->ProcessSide(side, std::move(batch), outputs_[0]);
}

void OperatorChain::BeginWatermark(int64_t watermark) {
  WEIR_CHECK(position_ < 0);
  if (watermark <= watermark_) return;
  stepping_to_ = watermark;
  draining_ = false;
  position_ = 0;
}

void OperatorChain::BeginDrain() {
  WEIR_CHECK(position_ < 0);
  draining_ = true;
  position_ = 0;
}

absl::Status OperatorChain::Continue() {
  const int i = position_;
  if (operators_[i] != nullptr) {
    ASSIGN_OR_RETURN(const Progress progress, draining_ ? operators_[i]->Drain(outputs_[i])
                                                        : operators_[i]->AdvanceWatermark(stepping_to_, outputs_[i]));
    if (progress == Progress::kMore) return absl::OkStatus();
  }
  if (++position_ < static_cast<int>(operators_.size())) return absl::OkStatus();
  position_ = -1;
  if (!draining_) {
    watermark_ = stepping_to_;
    const SteadyMicros now = clock_->Steady();
    for (auto& writer : writers_) writer->Watermark(watermark_, now);
  }
  return absl::OkStatus();
}

SteadyMicros OperatorChain::next_timer() const {
  SteadyMicros next = 0;
  for (const OperatorPtr& op : operators_) {
    const SteadyMicros due = op == nullptr ? 0 : op->next_timer();
    if (due != 0 && (next == 0 || due < next)) next = due;
  }
  return next;
}

absl::Status OperatorChain::RunTimer(SteadyMicros now) {
  WEIR_CHECK(position_ < 0);
  for (int i = 0; timing_ < 0 && i < static_cast<int>(operators_.size()); ++i) {
    const SteadyMicros due = operators_[i] == nullptr ? 0 : operators_[i]->next_timer();
    if (due != 0 && due <= now) timing_ = i;
  }
  if (timing_ < 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Progress progress, operators_[timing_]->OnTimer(now, outputs_[timing_]));
  if (progress == Progress::kDone) timing_ = -1;
  return absl::OkStatus();
}

int OperatorChain::FirstUnready() const {
  for (size_t i = 0; i < operators_.size(); ++i) {
    if (operators_[i] != nullptr && !operators_[i]->ReadyToSnapshot()) return static_cast<int>(i);
  }
  return -1;
}

Progress OperatorChain::ContinueSnapshot() {
  for (const OperatorPtr& op : operators_) {
    if (op != nullptr && op->ContinueSnapshot() == Progress::kMore) return Progress::kMore;
  }
  return Progress::kDone;
}

absl::Status OperatorChain::OnIdle() {
  for (size_t i = 0; i < operators_.size(); ++i) {
    if (operators_[i] != nullptr) RETURN_IF_ERROR(operators_[i]->OnIdle(outputs_[i]));
  }
  return FlushEdges();
}

absl::Status OperatorChain::FlushEdges() {
  for (auto& writer : writers_) RETURN_IF_ERROR(writer->Flush());
  return absl::OkStatus();
}

absl::Status OperatorChain::Broadcast(const Element& element) {
  for (auto& writer : writers_) RETURN_IF_ERROR(writer->Broadcast(element));
  return absl::OkStatus();
}

void OperatorChain::ForwardIdle() {
  const SteadyMicros now = clock_->Steady();
  for (auto& writer : writers_) writer->Watermark(kIdleWatermark, now);
}

void OperatorChain::RepeatWatermark() {
  const SteadyMicros now = clock_->Steady();
  for (auto& writer : writers_) writer->Watermark(watermark_, now);
}

int64_t OperatorChain::state_bytes() const {
  int64_t bytes = 0;
  for (const OperatorPtr& op : operators_) bytes += op == nullptr ? 0 : op->state_bytes();
  return bytes;
}

bool OperatorChain::writable() const {
  for (const auto& writer : writers_) {
    if (!writer->writable()) return false;
  }
  return true;
}

SteadyMicros OperatorChain::flush_at() const {
  SteadyMicros due = 0;
  for (const auto& writer : writers_) {
    if (writer->flush_at() != 0 && (due == 0 || writer->flush_at() < due)) due = writer->flush_at();
  }
  return due;
}

}  // namespace weir::taskmanager
