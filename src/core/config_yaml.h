#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::core {

/// A piece of YAML as it was written: texts are not yet numbers, and every piece knows its line.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  int line = 0;      ///< from 1
  std::string text;  ///< of a scalar
  std::vector<std::shared_ptr<const YamlNode>> items;
  std::vector<Member> members;  ///< in file order, names unique

  /// "a list": for messages.
  std::string_view kind_name() const;
};

struct YamlNode::Member {
  std::string name;
  int line = 0;  ///< of the name
  std::shared_ptr<const YamlNode> value;
};

/// A mistake in the text and its line, 0 when it has none.
struct YamlMistake {
  int line = 0;
  std::string message;
};

struct YamlDocument {
  std::shared_ptr<const YamlNode> root;  ///< null when the text cannot be read at all
  std::vector<YamlMistake> mistakes;
};

/// Reads one YAML document. Mistakes: bytes that are not UTF-8, control characters, broken syntax,
/// tabs as indentation, no or several documents, names that are no plain text, names given twice,
/// tags, anchors that contain themselves, more than 4 MiB of text.
YamlDocument read_yaml(std::string_view text);

}  // namespace tenure::core
