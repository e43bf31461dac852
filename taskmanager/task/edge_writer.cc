#include "taskmanager/task/edge_writer.h"

#include <numeric>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

int64_t QueueBytes(const batch::Batch& batch) {
  int64_t bytes = 64;
  for (const batch::Column& column : batch.columns) {
    const int64_t n = column.constant() ? 1 : column.size();
    bytes += n * batch::Width(column.type().kind);
    if (!batch::IsVariable(column.type().kind)) continue;
    const auto* refs = column.data<batch::StringRef>();
    for (int64_t i = 0; i < n; ++i) bytes += refs[i].is_inline() ? 0 : refs[i].size;
  }
  return bytes + (batch.event_times ? batch.rows * 8 : 0);
}

EdgeWriter::EdgeWriter(const plan::Edge* edge, int max_parallelism,
                       std::vector<std::unique_ptr<OutputChannel>> channels)
    : edge_(edge), max_parallelism_(max_parallelism), rows_of_(channels.size()) {
  for (auto& channel : channels) {
    targets_.push_back({std::move(channel), batch::BatchBuilder(edge->schema, edge->has_times)});
  }
}

absl::Status EdgeWriter::SendBatch(OutputChannel& channel, batch::Batch batch) {
  Element element;
  element.kind = Element::Kind::kBatch;
  element.bytes = QueueBytes(batch);
  element.batch = std::move(batch);
  return channel.Send(std::move(element));
}

absl::Status EdgeWriter::FlushTarget(Target& target) {
  if (target.builder.rows() > 0) RETURN_IF_ERROR(SendBatch(*target.channel, target.builder.Finish()));
  if (target.has_watermark) {
    target.has_watermark = false;
    Element element;
    element.kind = Element::Kind::kWatermark;
    element.value = target.pending_watermark;
    RETURN_IF_ERROR(target.channel->Send(std::move(element)));
  }
  return absl::OkStatus();
}

absl::Status EdgeWriter::SendRows(Target& target, const batch::Batch& batch, const uint32_t* rows, int64_t count,
                                  SteadyMicros now) {
  if (count == 0) return absl::OkStatus();
  // A large piece goes as it is; copying it into the builder would gain nothing.
  if (target.builder.rows() == 0 && count >= batch::Batch::kMaxRows / 4) {
    RETURN_IF_ERROR(FlushTarget(target));
    return SendBatch(*target.channel, count == batch.rows ? batch : batch.Gather(rows, count));
  }
  target.builder.Append(batch, rows, count);
  if (static_cast<int64_t>(target.builder.bytes()) >= kFlushBytes ||
      target.builder.rows() >= batch::Batch::kMaxRows) {
    return FlushTarget(target);
  }
  if (flush_at_ == 0) flush_at_ = now + kFlushMicros;
  return absl::OkStatus();
}

absl::Status EdgeWriter::Write(const batch::Batch& batch, SteadyMicros now) {
  std::vector<uint32_t>& all = rows_of_[0];
  const size_t targets = targets_.size();
  if (edge_->kind == plan::EdgeKind::kRebalance || targets == 1 || edge_->keys.empty()) {
    all.resize(static_cast<size_t>(batch.rows));
    std::iota(all.begin(), all.end(), 0u);
    const size_t target = edge_->kind == plan::EdgeKind::kRebalance ? next_++ % targets : 0;
    return SendRows(targets_[target], batch, all.data(), batch.rows, now);
  }
  batch::MakeKeys(batch, edge_->keys, &keys_);
  for (auto& rows : rows_of_) rows.clear();
  for (int64_t i = 0; i < batch.rows; ++i) {
    const uint16_t group = batch::KeyGroupOf(keys_.hashes[i], max_parallelism_);
    rows_of_[batch::SubtaskOf(group, static_cast<int>(targets), max_parallelism_)].push_back(
        static_cast<uint32_t>(i));
  }
  for (size_t t = 0; t < targets; ++t) {
    RETURN_IF_ERROR(SendRows(targets_[t], batch, rows_of_[t].data(), static_cast<int64_t>(rows_of_[t].size()), now));
  }
  return absl::OkStatus();
}

void EdgeWriter::Watermark(int64_t watermark, SteadyMicros now) {
  for (Target& target : targets_) {
    target.pending_watermark = watermark;
    target.has_watermark = true;
  }
  if (flush_at_ == 0) flush_at_ = now + kFlushMicros;
}

absl::Status EdgeWriter::Flush() {
  flush_at_ = 0;
  for (Target& target : targets_) RETURN_IF_ERROR(FlushTarget(target));
  return absl::OkStatus();
}

absl::Status EdgeWriter::Broadcast(const Element& element) {
  RETURN_IF_ERROR(Flush());
  for (Target& target : targets_) RETURN_IF_ERROR(target.channel->Send(element));
  return absl::OkStatus();
}

bool EdgeWriter::writable() const {
  for (const Target& target : targets_) {
    if (!target.channel->writable()) return false;
  }
  return true;
}

}  // namespace weir::taskmanager
