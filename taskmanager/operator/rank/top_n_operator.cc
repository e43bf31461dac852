#include "taskmanager/operator/rank/top_n_operator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"

namespace weir::taskmanager {
namespace {

/// Results carry the last instant of their window as event time, in the milliseconds users think in.
constexpr int64_t kMilli = 1000;

}  // namespace

int64_t RankOf(const RankedRows& rows, size_t i, int64_t rank_before, bool ties) {
  const bool shared = ties && i > 0 && rows.rows()[i].order() == rows.rows()[i - 1].order();
  return shared ? rank_before : static_cast<int64_t>(i) + 1;
}

absl::Status TopNOperator::Open(const OperatorContext& context) {
  context_ = context;
  spec_ = &*context.plan->top_n;
  input_.Open(context, spec_->keys, spec_->order);
  windows_.Open(*spec_);
  table_.Open(*spec_, *context.plan->input, context.plan->columns, /*with_times=*/false);
  rank_output_.Open(context, table_.row_types(), /*with_times=*/false);
  ASSIGN_OR_RETURN(state_, context.state->OpenTable({"ranked", RankedTable::kWidth, true}));
  watermark_ = context.restored_watermark;
  for (const NamespaceId end : state_->Namespaces()) WillFire(end);
  return absl::OkStatus();
}

absl::Status TopNOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(input_.Load(batch, output));
  windows_.Divide(batch, input_.rows());
  table_.Load(input_, batch);
  for (size_t w = 0; w < windows_.size(); ++w) {
    if (windows_[w].end <= watermark_) {
      RETURN_IF_ERROR(EmitLateRows(context_, batch, windows_[w].rows, output));
    } else {
      RETURN_IF_ERROR(AddWindow(windows_[w]));
    }
  }
  return absl::OkStatus();
}

absl::Status TopNOperator::AddWindow(const RankWindow& window) {
  NamespaceTable& table = state_->Open(window.end);
  WillFire(window.end);
  // Without keys one probe is enough: all rows are of one group.
  const size_t probes = input_.keyed() ? window.rows.size() : 1;
  slots_.resize(window.rows.size());
  RETURN_IF_ERROR(table.FindOrInsert(input_.keys(), nullptr, window.rows.data(), static_cast<int64_t>(probes),
                                     slots_.data(), nullptr));
  std::fill(slots_.begin() + static_cast<std::ptrdiff_t>(probes), slots_.end(), slots_[0]);
  return Annotate(table_.Add(table, window.rows, slots_, nullptr), context_.plan->name);
}

absl::StatusOr<Progress> TopNOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  if (firing_) {
    RETURN_IF_ERROR(Step(output));
    return Progress::kMore;
  }
  if (next_fire_ && *next_fire_ <= watermark) {
    firing_ = next_fire_;
    cursor_ = 0;
    return Progress::kMore;
  }
  watermark_ = watermark;
  return Progress::kDone;
}

absl::Status TopNOperator::Step(Output& output) {
  NamespaceTable* table = state_->Find(*firing_);
  NamespaceTable::Page page;
  page.last = true;
  if (table != nullptr) {
    const int64_t groups = std::max<int64_t>(1, batch::Batch::kMaxRows / spec_->limit);
    RETURN_IF_ERROR(table->Scan(&cursor_, groups, &page));
  }
  for (const std::string_view text : page.texts) {
    RankedRows rows(spec_->limit, spec_->ties);
    if (!rows.Parse(text)) {
      return absl::DataLossError(absl::StrCat(context_.plan->name, ": state holds rows of a top_n that cannot be read"));
    }
    int64_t rank = 0;
    for (size_t i = 0; i < rows.rows().size(); ++i) {
      rank = RankOf(rows, i, rank, spec_->ties);
      rank_output_.Add(rows.rows()[i].row(), rank, batch::RowKind::kInsert);
    }
  }
  RankOutput::Shape shape;
  shape.window_bounds = spec_->window == plan::TopNSpec::Window::kTumbling;
  shape.window_start = *firing_ - spec_->size;
  shape.window_end = *firing_;
  shape.rank = !spec_->rank.empty();
  shape.time = *firing_ - kMilli;
  RETURN_IF_ERROR(rank_output_.Flush(shape, output));
  if (!page.last) return absl::OkStatus();
  state_->Drop(*firing_);
  firing_.reset();
  next_fire_.reset();
  for (const NamespaceId end : state_->Namespaces()) WillFire(end);
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
