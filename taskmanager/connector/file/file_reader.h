#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/connector/file/file_split.h"
#include "taskmanager/connector/file/line_numbers.h"
#include "taskmanager/connector/file/open_file.h"
#include "taskmanager/connector/source_reader.h"
#include "taskmanager/format/decoder.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager::file {

/// Reads ranges of files one after another, in the order of the list.
///
/// Thread:  the task's thread; a Read does at most one bounded read (beside those of opening a file, and of counting
/// lines
///          when a bad row has to be named).
/// Shape:   a range owns the rows that start in it; the last one may reach beyond. A position is the offset of the
/// next
///          row, or `~N`: the next row starts behind the first line end at or behind byte N. So any position is a
///          place between two rows, whatever the sizes of reads and batches were.
/// Errors:  kInvalidArgument: a bad row under on_error: fail (PATH:LINE: …), or a header that does not fit;
///          kFailedPrecondition: SOURCE_FILE_MISSING, SOURCE_FILE_CHANGED.
class FileReader final : public SourceReader {
 public:
  static constexpr size_t kReadBytes = size_t{512} << 10;

  /// `read_bytes`: how much a Read asks for at once.
  FileReader(const SourceContext& context, std::unique_ptr<Decoder> decoder, size_t read_bytes = kReadBytes);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override;
  std::string Position(int32_t index) const override;

 private:
  struct Progress {
    FileSplit split;
    int64_t offset = 0;
    bool seek_line = false;  // the `~` of a position
    bool ended = false;
  };

  absl::Status OpenCurrent(Progress& current);
  absl::Status ReadFileHeader(Progress& current);
  /// Reads on behind what the buffer holds; grows it when it is full.
  absl::Status Fill(const Progress& current);
  bool at_end_of_file(const Progress& current) const {
    return base_ + static_cast<int64_t>(tail_) >= current.split.identity.size;
  }
  /// Moves to the first line start of a range. False: more bytes are needed, or the range has ended.
  bool SeekLine(Progress& current);
  absl::Status TakeBadRows(const Progress& current, const std::vector<BadRow>& bad, ReadResult* result);
  /// A row so long that it will not be read.
  absl::Status TakeLongRow(Progress& current, ReadResult* result);
  void MoveTo(Progress& current, size_t buffer_offset);

  const SourceContext context_;
  const job::OnError on_error_;
  const size_t read_bytes_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<RowBuilder> errors_;  // on_error: route

  std::map<int32_t, Progress> splits_;
  std::deque<int32_t> queue_;  // not ended; the first is being read

  // The file that is being read, and a part of it.
  OpenFile file_;
  std::string open_path_;
  int32_t open_split_ = -1;
  batch::BufferPtr buffer_;
  int64_t base_ = 0;      // offset in the file of the buffer's first byte
  size_t head_ = 0;       // the next row in the buffer
  size_t tail_ = 0;       // end of what was read
  bool starved_ = false;  // the bytes from head_ on are no whole row
  LineNumbers lines_;
};

}  // namespace weir::taskmanager::file
