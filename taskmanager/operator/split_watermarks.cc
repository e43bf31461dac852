#include "taskmanager/operator/split_watermarks.h"

#include <algorithm>

#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

void SplitWatermarks::AddSplit(int32_t split, const std::string& name, bool ended, int64_t watermark,
                               SteadyMicros now) {
  Group& group = groups_[name];
  splits_[split] = {&group, watermark, ended};
  group.watermark = std::max(group.watermark, watermark);
  group.open_splits += ended ? 0 : 1;
  group.last_row = now;
}

void SplitWatermarks::OnRows(int32_t split, int64_t max_event_time, SteadyMicros now) {
  Split& s = splits_.at(split);
  // An event time near the type's lower end has no earlier watermark.
  const int64_t watermark = max_event_time < batch::kMinTimestamp + max_delay_ ? batch::kMinTimestamp
                                                                               : max_event_time - max_delay_;
  s.watermark = std::max(s.watermark, watermark);
  s.group->watermark = std::max(s.group->watermark, watermark);
  s.group->last_row = now;
}

void SplitWatermarks::OnSplitEnded(int32_t split) {
  Split& s = splits_.at(split);
  if (s.ended) return;
  s.ended = true;
  --s.group->open_splits;
}

int64_t SplitWatermarks::Current(SteadyMicros now) {
  bool open = false;
  int64_t least = batch::kMaxTimestamp;
  for (const auto& [name, group] : groups_) {
    if (group.open_splits == 0) continue;
    open = true;
    if (!IsIdle(group, now)) least = std::min(least, group.watermark);
  }
  if (!open) return batch::kMaxTimestamp;
  if (least == batch::kMaxTimestamp) return kIdleWatermark;
  highest_ = std::max(highest_, least);
  return highest_;
}

std::optional<SteadyMicros> SplitWatermarks::NextChange() const {
  std::optional<SteadyMicros> next;
  if (!idle_after_) return next;
  for (const auto& [name, group] : groups_) {
    if (group.open_splits == 0) continue;
    const SteadyMicros at = group.last_row + *idle_after_;
    if (!next || at < *next) next = at;
  }
  return next;
}

}  // namespace weir::taskmanager
