#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

namespace tenure::learn {

/// One value of a model file, whichever syntax it had. Models are mostly long arrays of numbers, so
/// those are kept packed; other arrays hold values.
///
/// Numbers: what the text writes without fraction and exponent is an integer, everything else
/// a float32, because XGBoost reads and writes its numbers so. Booleans inside an array count as
/// the integers 0 and 1 (old files write `default_left` so).
struct DocumentValue {
  using Integers = std::vector<std::int64_t>;
  using Numbers = std::vector<float>;
  using Array = std::vector<DocumentValue>;
  struct Object {  ///< in file order; values[i] belongs to names[i]
    std::vector<std::string> names;
    std::vector<DocumentValue> values;
  };

  std::variant<std::monostate, bool, std::int64_t, float, std::string, Integers, Numbers, Array,
               Object>
      value;

  /// The member of an object; nullptr if there is none or this is no object.
  const DocumentValue* find(std::string_view key) const;

  const std::string* text() const;
  const Object* object() const;
  bool is_empty_array() const;
};

/// Collects the elements of an array: packed as long as they are numbers, values otherwise.
class ArrayCollector {
 public:
  void add(DocumentValue element);
  DocumentValue finish() &&;

 private:
  void widen_to_numbers();
  void widen_to_values();

  DocumentValue::Integers integers_;
  DocumentValue::Numbers numbers_;
  DocumentValue::Array values_;
  enum class Form { kIntegers, kNumbers, kValues } form_ = Form::kIntegers;
};

/// Nesting beyond this is refused: model files need eight levels.
inline constexpr int kDocumentDepthMax = 48;

/// Reads JSON, with the tokens NaN, Infinity and -Infinity that XGBoost writes. Decimal numbers are
/// rounded once, to the nearest float32. Errors: kCorruption with the byte offset.
core::Result<DocumentValue> read_json_document(std::string_view bytes);

/// Reads UBJSON or JSON, by content. Errors: kCorruption with the byte offset; kUnimplemented for
/// anything else.
core::Result<DocumentValue> read_model_document(std::string_view bytes);

}  // namespace tenure::learn
