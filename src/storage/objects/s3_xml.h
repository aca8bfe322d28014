#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::storage {

/// An element of an answer of S3, with what lies in it.
struct XmlElement {
  std::string name;  ///< without the prefix of its namespace
  std::string text;  ///< its own, entities resolved
  std::vector<XmlElement> children;

  /// The first child of that name; nullptr without one.
  const XmlElement* child(std::string_view wanted) const;
  /// The text of that child; "" without one.
  std::string_view child_text(std::string_view wanted) const;
};

/// Reads the elements and texts of a document; attributes are passed over.
/// Errors: kCorruption for what is not well-formed, holds a DOCTYPE, or nests deeper than 32.
core::Result<XmlElement> parse_xml(std::string_view document);

/// The text with & < > as entities.
std::string escape_xml(std::string_view text);

}  // namespace tenure::storage
