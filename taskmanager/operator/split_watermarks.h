#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/batch/batch.h"

namespace weir::taskmanager {

/// Watermark of one source subtask from the event times of its splits.
///
/// Thread:  confined.
/// Shape:   splits belong to groups (a file, a partition), whose event times are judged together. A group's splits are
///          read in order: its watermark is what was seen up to its earliest unfinished split, however far later ones had
///          been read by others before a rescale. The source's watermark is the least of the groups that are neither
///          ended nor idle; a group nothing was read of holds it back.
/// Units:   microseconds.
class SplitWatermarks {
 public:
  /// `idle_after` nothing: groups never count as idle (bounded sources).
  SplitWatermarks(int64_t max_delay, std::optional<int64_t> idle_after)
      : max_delay_(max_delay), idle_after_(idle_after) {}

  /// In ascending order. `watermark`: restored of that split, kMinTimestamp if none.
  void AddSplit(int32_t split, const std::string& group, bool ended, int64_t watermark, SteadyMicros now);
  void OnRows(int32_t split, int64_t max_event_time, SteadyMicros now);
  void OnSplitEnded(int32_t split);

  /// kMaxTimestamp when all have ended; kIdleWatermark (exchange/channel.h) when all others are idle. Never falls, but
  /// for coming back from idle.
  int64_t Current(SteadyMicros now);
  /// When a group becomes idle next, after `now`, if nothing is read; nothing if none will.
  std::optional<SteadyMicros> NextChange(SteadyMicros now) const;
  /// Of what was read from the split.
  int64_t OfSplit(int32_t split) const { return splits_.at(split).watermark; }

 private:
  struct Group {
    int64_t watermark = batch::kMinTimestamp;
    int open_splits = 0;
    int32_t current = INT32_MIN;  // earliest unfinished split; the last one when all are finished
    SteadyMicros last_row = 0;
  };
  struct Split {
    Group* group;
    int64_t watermark;
    bool ended;
  };
  /// Takes in the splits from `current` up to the earliest unfinished one.
  void Advance(Group& group);
  bool IsIdle(const Group& group, SteadyMicros now) const {
    return idle_after_ && now - group.last_row >= *idle_after_;
  }

  int64_t max_delay_;
  std::optional<int64_t> idle_after_;
  std::map<std::string, Group> groups_;
  std::map<int32_t, Split> splits_;
  int64_t highest_ = batch::kMinTimestamp;
};

}  // namespace weir::taskmanager
