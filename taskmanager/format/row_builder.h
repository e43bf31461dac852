#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/batch/batch.h"

namespace weir::taskmanager {

/// Fills the wanted columns of a batch row by row.
///
/// Thread:  confined.
/// Order:   Start; then per row BeginRow, Set… for some columns, EndRow; Finish. A row that is begun again without
///          EndRow is overwritten: that is how a bad row is dropped.
/// Shape:   columns are numbered as in the schema; only wanted ones may be set.
class RowBuilder {
 public:
  RowBuilder(batch::SchemaPtr schema, const std::vector<bool>& wanted, const std::vector<bool>& required);

  /// Room for `capacity` rows.
  void Start(int64_t capacity);
  int64_t rows() const { return row_; }
  void BeginRow() {
    ++serial_;
    set_ = 0;
  }
  /// Gives NULL to wanted columns that were not set. False: `*missing` (may be null) is one that must not be NULL.
  bool EndRow(int* missing) {
    if (set_ != wanted_count_ && !FillMissing(missing)) return false;
    ++row_;
    return true;
  }
  /// The rows so far. `heap`: what strings given to SetText point into.
  batch::Batch Finish(const batch::BufferPtr& heap);

  const batch::DataType& type(int column) const { return columns_[column].type; }
  const std::string& name(int column) const { return schema_->fields[column].name; }
  bool wanted(int column) const { return columns_[column].wanted; }
  /// NULL is an error.
  bool required(int column) const { return columns_[column].required; }
  /// Whether this row has a value (or a NULL) for the column.
  bool is_set(int column) const { return columns_[column].serial == serial_; }

  template <typename T>
  void Set(int column, T value) {
    Mark(column);
    reinterpret_cast<T*>(columns_[column].values)[row_] = value;
  }
  /// `text` must live as long as the heap given to Finish when it is longer than StringRef::kInline; 16 bytes from
  /// its begin must be readable.
  void SetText(int column, std::string_view text) {
    Mark(column);
    Pending& pending = columns_[column];
    pending.long_text |= text.size() > batch::StringRef::kInline;
    Store(text, reinterpret_cast<batch::StringRef*>(pending.values) + row_);
  }
  /// The same for text that does not live on.
  void SetTextCopy(int column, std::string_view text) {
    Mark(column);
    if (text.size() > batch::StringRef::kInline) text = arena_.Copy(text);
    reinterpret_cast<batch::StringRef*>(columns_[column].values)[row_] = batch::StringRef(text);
  }
  /// False: the column must not be NULL.
  bool SetNull(int column);

 private:
  struct Pending {
    batch::DataType type;
    bool wanted = false;
    bool required = false;
    bool long_text = false;
    int64_t serial = -1;
    char* values = nullptr;
    uint8_t* validity = nullptr;  // null while no value was NULL
    batch::Column column;
  };

  void Mark(int column) {
    Pending& pending = columns_[column];
    set_ += pending.serial != serial_;
    pending.serial = serial_;
    if (pending.validity != nullptr) pending.validity[row_] = 1;
  }
  bool FillMissing(int* missing);

  static void Store(std::string_view text, batch::StringRef* out) {
#ifdef __SSE2__
    if (text.size() <= batch::StringRef::kInline) {
      // Size, then the text with zeros behind it, in one store: memcpy of an unknown small size costs a call.
      const __m128i bytes = _mm_slli_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data())), 4);
      const __m128i mask =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMask + batch::StringRef::kInline - text.size()));
      const __m128i size = _mm_cvtsi32_si128(static_cast<int>(text.size()));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_or_si128(_mm_and_si128(bytes, mask), size));
      return;
    }
#endif
    *out = batch::StringRef(text);
  }
  /// Read from 12 - n: ones for the 4 bytes of the size (which the shift made zero) and n bytes, then zeros.
  static constexpr uint8_t kMask[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                        255, 255, 255, 255, 255, 0,   0,   0,   0,   0,   0,
                                        0,   0,   0,   0,   0,   0,   0,   0,   0,   0};

  batch::SchemaPtr schema_;
  std::vector<Pending> columns_;
  int wanted_count_ = 0;
  int64_t capacity_ = 0;
  int64_t row_ = 0;
  int64_t serial_ = 0;
  int set_ = 0;
  batch::StringArena arena_;
};

}  // namespace weir::taskmanager
