#include "taskmanager/connector/nexmark/nexmark_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::nexmark {
namespace {

using batch::Column;

constexpr uint8_t kVersion = 1;
constexpr size_t kKinds = 3;

/// The values of `dense` at `rows` of a column of `size` rows, NULL elsewhere.
Column Scatter(const Column& dense, batch::DataType type, const std::vector<uint32_t>& rows, int64_t size) {
  type.nullable = true;
  Column column = Column::Allocate(type, size);
  const size_t width = batch::Width(type.kind);
  char* const out = column.values()->data();
  std::memset(out, 0, static_cast<size_t>(size) * width);
  uint8_t* const validity = column.EnsureValidity();
  std::memset(validity, 0, static_cast<size_t>(size));
  const char* in = dense.values()->data();
  for (const uint32_t row : rows) {
    std::memcpy(out + row * width, in, width);
    validity[row] = 1;
    in += width;
  }
  column.AddHeaps(dense.heaps());
  return column;
}

}  // namespace

absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> NexmarkEnumerator::Enumerate(int32_t parallelism) {
  const int64_t pieces = (parallelism + options_.generators - 1) / options_.generators;
  std::vector<checkpoint::SourceSplits::Split> splits;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    for (int64_t generator = 0; generator < options_.generators; ++generator) {
      checkpoint::SourceSplits::Split split;
      ByteWriter writer(&split.payload);
      writer.Put<uint8_t>(kVersion);
      for (const int64_t number : {generator, options_.generators, piece, pieces}) {
        writer.PutVarint(static_cast<uint64_t>(number));
      }
      split.group = absl::StrCat(name_, "-", generator, "-", piece);
      splits.push_back(std::move(split));
    }
  }
  return splits;
}

NexmarkReader::NexmarkReader(const SourceContext& context, Options options)
    : MadeRowsReader(context), options_(options), channels_(options.seed) {
  std::string event_time;
  if (context_.node->event_time) event_time = context_.node->event_time->field.text;
  const std::vector<batch::Field>& known = FieldsOf(options_.stream);
  for (size_t c = 0; c < context_.schema->fields.size(); ++c) {
    const std::string& name = context_.schema->fields[c].name;
    const bool wanted =
        context_.wanted.empty() || (c < context_.wanted.size() && context_.wanted[c]) || name == event_time;
    const auto field = std::find_if(known.begin(), known.end(), [&](const auto& f) { return f.name == name; });
    fields_.push_back(wanted && field != known.end() ? static_cast<int>(field - known.begin()) : -1);
  }
}

absl::Status NexmarkReader::AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                     const std::string& position) {
  ByteReader reader(split.payload);
  const auto version = reader.Get<uint8_t>();
  const auto generator = static_cast<int64_t>(reader.GetVarint());
  const auto generators = static_cast<int64_t>(reader.GetVarint());
  const auto piece = static_cast<int64_t>(reader.GetVarint());
  const auto pieces = static_cast<int64_t>(reader.GetVarint());
  if (version != kVersion || !reader.AtEnd() || generator < 0 || generator >= generators || piece < 0 ||
      piece >= pieces) {
    return absl::DataLossError("not a split of a nexmark source");
  }
  if (generators != options_.generators) {
    return absl::FailedPreconditionError(
        absl::StrCat("source `", context_.node->name, "` has `generators: ", options_.generators,
                     "`, its checkpoint was made with ", generators, ": put that back, or start anew"));
  }
  const EventPiece& made = pieces_[index] = EventPiece(options_, generator, piece, pieces);
  return AddRows(index, made.rows(), position);
}

absl::Status NexmarkReader::MakeRows(int32_t index, int64_t from, batch::Batch* batch) {
  const EventPiece& piece = pieces_[index];
  piece.Fill(from, batch->rows, &events_);
  options_.stream == Stream::kAll ? MakeMixedColumns(piece, batch) : MakeColumns(piece, batch);
  return absl::OkStatus();
}

void NexmarkReader::MakeColumns(const EventPiece& piece, batch::Batch* batch) {
  const std::vector<ColumnMaker>& makers = MakersOf(options_.stream);
  const MakerInput input{events_, piece, channels_};
  for (size_t c = 0; c < fields_.size(); ++c) {
    batch->columns.push_back(fields_[c] < 0 || batch->rows == 0
                                 ? Column::Null(context_.schema->fields[c].type, batch->rows)
                                 : makers[fields_[c]](input));
  }
}

void NexmarkReader::MakeMixedColumns(const EventPiece& piece, batch::Batch* batch) {
  std::array<std::vector<uint32_t>, kKinds> rows;
  std::array<Events, kKinds> events;
  Column type = Column::Allocate({.kind = batch::TypeKind::kInt, .nullable = false}, batch->rows);
  for (int64_t i = 0; i < batch->rows; ++i) {
    const int64_t place = events_.id[i] - events_.epoch[i] * kEpoch;
    const size_t kind = place == 0 ? 0 : place < kBidsFrom ? 1 : 2;
    type.mutable_data<int32_t>()[i] = static_cast<int32_t>(kind);
    rows[kind].push_back(static_cast<uint32_t>(i));
    events[kind].id.push_back(events_.id[i]);
    events[kind].epoch.push_back(events_.epoch[i]);
    events[kind].hash.push_back(events_.hash[i]);
    events[kind].time.push_back(events_.time[i]);
  }
  for (size_t c = 0; c < fields_.size(); ++c) {
    const batch::DataType& column_type = context_.schema->fields[c].type;
    int field = fields_[c];
    if (field < 0 || batch->rows == 0) {
      batch->columns.push_back(Column::Null(column_type, batch->rows));
    } else if (field == 0) {
      batch->columns.push_back(type);
    } else if (field == 1) {
      batch->columns.push_back(
          NumberColumn(batch::TypeKind::kTimestamp, batch->rows, [this](int64_t i) { return events_.time[i]; }));
    } else {
      field -= 2;
      size_t kind = 0;
      while (field >= static_cast<int>(MakersOf(static_cast<Stream>(kind)).size())) {
        field -= static_cast<int>(MakersOf(static_cast<Stream>(kind)).size());
        ++kind;
      }
      const MakerInput input{events[kind], piece, channels_};
      batch->columns.push_back(
          Scatter(MakersOf(static_cast<Stream>(kind))[field](input), column_type, rows[kind], batch->rows));
    }
  }
}

void Register(ConnectorRegistry* registry) {
  ConnectorRegistry::SourceFactory factory;
  factory.enumerator = [](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
    return std::make_unique<NexmarkEnumerator>(context.node->name, ReadOptions(*context.node));
  };
  factory.reader = [](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SourceReader>> {
    return std::make_unique<NexmarkReader>(context, ReadOptions(*context.node));
  };
  registry->sources["nexmark"] = std::move(factory);
}

}  // namespace weir::taskmanager::nexmark
