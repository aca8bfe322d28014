#include "storage/objects/s3_xml.h"

#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace tenure::storage {
namespace {

constexpr int kDepthMax = 32;
constexpr std::string_view kBlanks = " \t\r\n";

core::Error broken(std::string_view why) {
  return core::Error{core::ErrorCode::kCorruption, fmt::format("not the XML expected: {}", why)};
}

void append_code_point(std::string& out, unsigned long point) {
  const auto add = [&](unsigned long byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      add(0xe0 | point >> 12);
    } else {
      add(0xf0 | point >> 18);
      add(0x80 | (point >> 12 & 0x3f));
    }
    add(0x80 | (point >> 6 & 0x3f));
  }
  add(0x80 | (point & 0x3f));
}

/// Adds the character that an entity (without & and ;) names; false for an unknown one.
bool append_entity(std::string& out, std::string_view entity) {
  struct Named {
    std::string_view name;
    char character;
  };
  constexpr auto kNamed =
      std::to_array<Named>({{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}});
  for (const Named& named : kNamed) {
    if (named.name != entity) continue;
    out += named.character;
    return true;
  }
  if (!entity.starts_with('#')) return false;
  entity.remove_prefix(1);
  const int base = entity.starts_with('x') ? 16 : 10;
  if (base == 16) entity.remove_prefix(1);
  unsigned long point = 0;
  const char* const end = entity.data() + entity.size();
  const auto read = std::from_chars(entity.data(), end, point, base);
  if (read.ec != std::errc() || read.ptr != end || point == 0 || point > 0x10ffff ||
      (point >= 0xd800 && point < 0xe000))
    return false;
  append_code_point(out, point);
  return true;
}

class Parser {
 public:
  explicit Parser(std::string_view rest) : rest_(rest) {}

  core::Result<XmlElement> document() {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    if (auto passed = pass_misc(); !passed) return std::move(passed).error();
    XmlElement root;
    if (auto read = element(root, 0); !read) return std::move(read).error();
    if (auto passed = pass_misc(); !passed) return std::move(passed).error();
    if (!rest_.empty()) return broken("more behind the root element");
    return root;
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  /// What stands before `end`, which is passed as well.
  std::optional<std::string_view> until(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view before = rest_.substr(0, at);
    rest_.remove_prefix(at + end.size());
    return before;
  }

  /// Blanks, comments and processing instructions.
  core::Result<> pass_misc() {
    for (;;) {
      const std::size_t begin = rest_.find_first_not_of(kBlanks);
      rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
      if (take("<!--")) {
        if (!until("-->")) return broken("an open comment");
      } else if (take("<?")) {
        if (!until("?>")) return broken("an open instruction");
      } else {
        return {};
      }
    }
  }

  static std::string_view local_name(std::string_view name) {
    return name.substr(name.find(':') + 1);
  }

  /// Passes over the attributes up to the '>' of a tag, which may be in a quoted value.
  /// Gives whether the element has no content.
  core::Result<bool> pass_attributes() {
    char quote = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<') {
        break;
      } else if (c == '>') {
        const bool is_empty = i > 0 && rest_[i - 1] == '/';
        rest_.remove_prefix(i + 1);
        return is_empty;
      }
    }
    return broken("an open tag");
  }

  core::Result<> element(XmlElement& out, int depth) {
    if (depth >= kDepthMax) return broken("nested too deep");
    if (!take("<")) return broken("no element");
    const std::size_t end = rest_.find_first_of(" \t\r\n/>");
    if (end == std::string_view::npos || end == 0 || rest_.front() == '!')
      return broken("a tag without a name");
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    out.name = local_name(name);
    auto is_empty = pass_attributes();
    if (!is_empty) return std::move(is_empty).error();
    return *is_empty ? core::Result<>{} : content(out, name, depth);
  }

  core::Result<> content(XmlElement& out, std::string_view name, int depth) {
    for (;;) {
      if (auto read = text(out.text); !read) return read;
      if (take("</")) {
        const auto closing = until(">");
        if (!closing || closing->substr(0, closing->find_first_of(kBlanks)) != name)
          return broken("tags that do not match");
        return {};
      }
      if (take("<!--")) {
        if (!until("-->")) return broken("an open comment");
      } else if (take("<![CDATA[")) {
        const auto raw = until("]]>");
        if (!raw) return broken("open character data");
        out.text += *raw;
      } else if (take("<?")) {
        if (!until("?>")) return broken("an open instruction");
      } else {
        out.children.emplace_back();
        if (auto read = element(out.children.back(), depth + 1); !read) return read;
      }
    }
  }

  /// Up to the next '<'.
  core::Result<> text(std::string& out) {
    const std::size_t end = rest_.find('<');
    if (end == std::string_view::npos) return broken("it ends inside an element");
    std::string_view raw = rest_.substr(0, end);
    rest_.remove_prefix(end);
    for (;;) {
      const std::size_t entity = raw.find('&');
      out += raw.substr(0, entity);
      if (entity == std::string_view::npos) return {};
      raw.remove_prefix(entity + 1);
      const std::size_t close = raw.find(';');
      if (close == std::string_view::npos || !append_entity(out, raw.substr(0, close)))
        return broken("an unknown entity");
      raw.remove_prefix(close + 1);
    }
  }

  std::string_view rest_;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  for (const XmlElement& element : children)
    if (element.name == wanted) return &element;
  return nullptr;
}

std::string_view XmlElement::child_text(std::string_view wanted) const {
  const XmlElement* const found = child(wanted);
  return found != nullptr ? std::string_view(found->text) : std::string_view();
}

core::Result<XmlElement> parse_xml(std::string_view document) {
  return Parser(document).document();
}

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '\r':  // a parser would turn it into a line feed
        escaped += "&#13;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace tenure::storage
