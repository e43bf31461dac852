#include "taskmanager/task/barrier_aligner.h"

#include <catch2/catch.hpp>

using namespace weir;
using weir::taskmanager::BarrierAligner;
using Kind = BarrierAligner::Action::Kind;

namespace {
CheckpointId C(int64_t n) { return CheckpointId(n); }
using Actions = BarrierAligner::Actions;
}  // namespace

TEST_CASE("BarrierAligner: a channel that delivered is blocked until all have", "[task]") {
  BarrierAligner aligner(3, true);
  CHECK(aligner.OnBarrier(1, C(5), 100).empty());
  CHECK(aligner.IsBlocked(1));
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.OnBarrier(0, C(5), 110).empty());
  CHECK(aligner.OnBarrier(2, C(5), 140) == Actions{{Kind::kSnapshot, C(5)}});
  for (int c = 0; c < 3; ++c) CHECK_FALSE(aligner.IsBlocked(c));
  CHECK(aligner.last_alignment_micros() == 40);
  CHECK(aligner.started_at() == 0);
}

TEST_CASE("BarrierAligner: one channel needs no alignment", "[task]") {
  BarrierAligner aligner(1, true);
  CHECK(aligner.OnBarrier(0, C(1), 0) == Actions{{Kind::kSnapshot, C(1)}});
}

TEST_CASE("BarrierAligner: a later barrier where an earlier was due gives the earlier up", "[task]") {
  BarrierAligner aligner(2, true);
  aligner.OnBarrier(0, C(1), 0);
  CHECK(aligner.OnBarrier(1, C(2), 0) == Actions{{Kind::kDecline, C(1)}, {Kind::kCancelDownstream, C(1)}});
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.IsBlocked(1));
  CHECK(aligner.OnBarrier(0, C(2), 0) == Actions{{Kind::kSnapshot, C(2)}});
}

TEST_CASE("BarrierAligner: cancelled upstream, it is declined and said on, once", "[task]") {
  BarrierAligner aligner(2, true);
  aligner.OnBarrier(0, C(1), 0);
  CHECK(aligner.OnCancelled(1, C(1)) == Actions{{Kind::kDecline, C(1)}, {Kind::kCancelDownstream, C(1)}});
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.OnCancelled(0, C(1)).empty());
  CHECK(aligner.OnBarrier(1, C(1), 0).empty());  // late, of one that was given up
  CHECK_FALSE(aligner.IsBlocked(1));
}

TEST_CASE("BarrierAligner: aborted before any barrier came, its barriers are swallowed", "[task]") {
  BarrierAligner aligner(2, true);
  CHECK(aligner.GiveUp(C(7), false) == Actions{{Kind::kCancelDownstream, C(7)}});
  CHECK(aligner.OnBarrier(0, C(7), 0).empty());
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.OnBarrier(0, C(8), 0).empty());
  CHECK(aligner.OnBarrier(1, C(7), 0).empty());
  CHECK(aligner.OnBarrier(1, C(8), 0) == Actions{{Kind::kSnapshot, C(8)}});
  CHECK(aligner.GiveUp(C(8), true).empty());  // too late
}

TEST_CASE("BarrierAligner: at least once blocks nothing, and may align several", "[task]") {
  BarrierAligner aligner(2, false);
  aligner.OnBarrier(0, C(1), 0);
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.OnBarrier(0, C(2), 0).empty());
  CHECK(aligner.OnBarrier(1, C(1), 0) == Actions{{Kind::kSnapshot, C(1)}});
  CHECK(aligner.OnBarrier(1, C(2), 0) == Actions{{Kind::kSnapshot, C(2)}});
}

TEST_CASE("BarrierAligner: what a new leader does not know is given up, and what still comes of it is swallowed", "[task]") {
  BarrierAligner aligner(2, true);
  aligner.OnBarrier(0, C(7), 0);
  CHECK(aligner.ForgetBelow(C(10)) == Actions{{Kind::kCancelDownstream, C(7)}});
  CHECK_FALSE(aligner.IsBlocked(0));
  CHECK(aligner.OnBarrier(1, C(7), 0).empty());
  CHECK(aligner.OnBarrier(1, C(8), 0).empty());
  CHECK(aligner.OnCancelled(0, C(8)).empty());
  CHECK_FALSE(aligner.IsBlocked(1));
  CHECK(aligner.OnBarrier(0, C(10), 0).empty());
  CHECK(aligner.OnBarrier(1, C(10), 0) == Actions{{Kind::kSnapshot, C(10)}});
  CHECK(aligner.ForgetBelow(C(5)).empty());  // nothing goes back
  CHECK(aligner.OnBarrier(1, C(9), 0).empty());
}
