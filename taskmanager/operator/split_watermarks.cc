#include "taskmanager/operator/split_watermarks.h"

#include <algorithm>

#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

void SplitWatermarks::AddSplit(int32_t split, const std::string& name, bool ended, int64_t watermark,
                               SteadyMicros now) {
  Group& group = groups_[name];
  splits_[split] = {&group, watermark, ended};
  Advance(group);
  group.open_splits += ended ? 0 : 1;
  group.last_row = now;
}

void SplitWatermarks::Advance(Group& group) {
  for (auto it = splits_.lower_bound(group.current); it != splits_.end(); ++it) {
    if (it->second.group != &group) continue;
    group.current = it->first;
    group.watermark = std::max(group.watermark, it->second.watermark);
    if (!it->second.ended) return;
  }
}

void SplitWatermarks::OnRows(int32_t split, int64_t max_event_time, SteadyMicros now) {
  Split& s = splits_.at(split);
  // An event time near the type's lower end has no earlier watermark.
  const int64_t watermark = max_event_time < batch::kMinTimestamp + max_delay_ ? batch::kMinTimestamp
                                                                               : max_event_time - max_delay_;
  s.watermark = std::max(s.watermark, watermark);
  if (split == s.group->current) s.group->watermark = std::max(s.group->watermark, watermark);
  s.group->last_row = now;
}

void SplitWatermarks::OnSplitEnded(int32_t split) {
  Split& s = splits_.at(split);
  if (s.ended) return;
  s.ended = true;
  --s.group->open_splits;
  Advance(*s.group);
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

std::optional<SteadyMicros> SplitWatermarks::NextChange(SteadyMicros now) const {
  std::optional<SteadyMicros> next;
  if (!idle_after_) return next;
  for (const auto& [name, group] : groups_) {
    if (group.open_splits == 0) continue;
    const SteadyMicros at = group.last_row + *idle_after_;
    if (at > now && (!next || at < *next)) next = at;
  }
  return next;
}

}  // namespace weir::taskmanager
