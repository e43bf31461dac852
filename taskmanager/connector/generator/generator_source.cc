#include "taskmanager/connector/generator/generator_source.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::generator {
namespace {

constexpr uint8_t kVersion = 1;
/// Turns are short when several splits are read, so that their event times stay together.
constexpr int64_t kRowsPerTurn = 1024;

}  // namespace

absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> GeneratorEnumerator::Enumerate(int32_t parallelism) {
  std::vector<checkpoint::SourceSplits::Split> splits;
  for (int32_t i = 0; i < parallelism; ++i) {
    checkpoint::SourceSplits::Split split;
    ByteWriter writer(&split.payload);
    writer.Put<uint8_t>(kVersion);
    writer.PutVarint(static_cast<uint64_t>(i));
    writer.PutVarint(static_cast<uint64_t>(parallelism));
    split.group = absl::StrCat(name_, "-", i);
    splits.push_back(std::move(split));
  }
  return splits;
}

GeneratorReader::GeneratorReader(const SourceContext& context, Options options)
    : context_(context), options_(std::move(options)) {
  // The plan leaves out the fields that nobody reads; values do not depend on which others are made.
  std::vector<Options::Field> made;
  for (const batch::Field& column : context_.schema->fields) {
    for (const Options::Field& field : options_.fields) {
      if (field.name == column.name) made.push_back(field);
    }
  }
  options_.fields = std::move(made);
  if (context_.node->event_time) event_time_ = context_.schema->IndexOf(context_.node->event_time->field.text);
  for (size_t c = 0; c < options_.fields.size(); ++c) {
    const bool wanted = context_.wanted.empty() || (c < context_.wanted.size() && context_.wanted[c]) ||
                        static_cast<int>(c) == event_time_;
    evaluators_.push_back(wanted ? std::make_unique<expression::Evaluator>(options_.fields[c].expression) : nullptr);
  }
}

absl::Status GeneratorReader::AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                       const std::string& position) {
  ByteReader reader(split.payload);
  const auto version = reader.Get<uint8_t>();
  Stripe stripe;
  stripe.first = static_cast<int64_t>(reader.GetVarint());
  stripe.step = static_cast<int64_t>(reader.GetVarint());
  if (version != kVersion || !reader.AtEnd() || stripe.step < 1 || stripe.first < 0 || stripe.first >= stripe.step) {
    return absl::DataLossError("not a split of a generator");
  }
  const int64_t rows = options_.rows.value_or(std::numeric_limits<int64_t>::max());
  stripe.total = rows <= stripe.first ? 0 : (rows - stripe.first - 1) / stripe.step + 1;
  if (!position.empty() && (!absl::SimpleAtoi(position, &stripe.made) || stripe.made < 0)) {
    return absl::DataLossError(absl::StrCat("`", position, "` is no position of a generator"));
  }
  stripes_[index] = stripe;
  turns_.push_back(index);
  return absl::OkStatus();
}

std::string GeneratorReader::Position(int32_t index) const {
  const auto it = stripes_.find(index);
  return it == stripes_.end() || it->second.made == 0 ? "" : absl::StrCat(it->second.made);
}

absl::StatusOr<ReadResult> GeneratorReader::Read(int64_t max_rows) {
  ReadResult result;
  if (turns_.empty()) {
    result.kind = ReadResult::Kind::kEnded;
    return result;
  }
  result.kind = ReadResult::Kind::kBatch;
  result.split = turns_.front();
  turns_.pop_front();
  Stripe& stripe = stripes_[result.split];
  int64_t rows = std::min(max_rows, batch::Batch::kMaxRows);
  if (!turns_.empty()) rows = std::min(rows, kRowsPerTurn);
  rows = std::max<int64_t>(0, std::min(rows, stripe.total - stripe.made));
  numbers_.resize(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) numbers_[i] = stripe.first + (stripe.made + i) * stripe.step;
  result.batch.schema = context_.schema;
  result.batch.rows = rows;
  RETURN_IF_ERROR(MakeColumns(&result.batch));
  stripe.made += rows;
  result.split_ended = stripe.made >= stripe.total;
  if (!result.split_ended) turns_.push_back(result.split);
  return result;
}

absl::Status GeneratorReader::MakeColumns(batch::Batch* batch) {
  batch::Batch input;  // expressions of a generator read no columns
  input.schema = std::make_shared<const batch::Schema>();
  input.rows = batch->rows;
  expression::EvaluationContext evaluation;
  evaluation.seed = options_.seed;
  evaluation.row_numbers = numbers_.data();
  for (size_t c = 0; c < evaluators_.size(); ++c) {
    if (evaluators_[c] == nullptr || batch->rows == 0) {
      batch->columns.push_back(batch::Column::Null(context_.schema->fields[c].type, batch->rows));
      continue;
    }
    batch::Column column;
    expression::RowErrors errors;
    evaluators_[c]->Evaluate(input, evaluation, &column, &errors);
    const std::string where = absl::StrCat(context_.node->name, ".fields.", options_.fields[c].name);
    if (!errors.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ", row ", numbers_[errors[0].row], ": ", errors[0].message));
    }
    if (static_cast<int>(c) == event_time_) {
      for (int64_t row = 0; row < batch->rows; ++row) {
        if (!column.IsNull(row)) continue;
        return absl::InvalidArgumentError(absl::StrCat(where, ", row ", numbers_[row], ": the event time is NULL"));
      }
      column = column.Flatten();
    }
    batch->columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

void Register(ConnectorRegistry* registry) {
  ConnectorRegistry::SourceFactory factory;
  factory.enumerator = [](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
    return std::make_unique<GeneratorEnumerator>(context.node->name);
  };
  factory.reader = [](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SourceReader>> {
    ASSIGN_OR_RETURN(Options options, ReadOptions(*context.node));
    return std::make_unique<GeneratorReader>(context, std::move(options));
  };
  registry->sources["generator"] = std::move(factory);
}

}  // namespace weir::taskmanager::generator
