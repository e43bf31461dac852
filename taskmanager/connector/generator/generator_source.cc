#include "taskmanager/connector/generator/generator_source.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::generator {
namespace {

constexpr uint8_t kVersion = 1;

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
    : MadeRowsReader(context), options_(std::move(options)) {
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
  const int64_t total = rows <= stripe.first ? 0 : (rows - stripe.first - 1) / stripe.step + 1;
  stripes_[index] = stripe;
  return AddRows(index, total, position);
}

absl::Status GeneratorReader::MakeRows(int32_t index, int64_t from, batch::Batch* batch) {
  const Stripe& stripe = stripes_[index];
  numbers_.resize(static_cast<size_t>(batch->rows));
  for (int64_t i = 0; i < batch->rows; ++i) numbers_[i] = stripe.first + (from + i) * stripe.step;
  return MakeColumns(batch);
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
