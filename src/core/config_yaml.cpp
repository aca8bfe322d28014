#include "core/config_yaml.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "core/utf8.h"

namespace tenure::core {
namespace {

constexpr std::size_t kTextMax = 4 << 20;

int line_at(std::string_view text, std::size_t offset) {
  return 1 +
         static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(offset), '\n'));
}

/// What the parser must not see: it would guess UTF-16 or stop at its own end mark.
std::vector<YamlMistake> check_characters(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0)
      return {{line_at(text, at), fmt::format("byte 0x{:02X} is not UTF-8 text", byte)}};
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F)
      return {{line_at(text, at), fmt::format("control character 0x{:02X} is not allowed", byte)}};
    at += length;
  }
  return {};
}

/// Builds YamlNodes from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<YamlMistake>& mistakes) : mistakes_(mistakes) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (take_as_name("null", mark)) return;
    add(leaf(YamlNode::Kind::kNull, mark, {}), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      complain(mark, "an alias cannot stand inside its own anchor");
      if (!take_as_name("", mark)) add(leaf(YamlNode::Kind::kNull, mark, {}), 0);
      return;
    }
    if (take_as_name(found->second->text, mark)) return;
    add(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    if (take_as_name(value, mark)) return;
    add(leaf(YamlNode::Kind::kScalar, mark, value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  std::shared_ptr<const YamlNode> root() const { return root_; }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    std::string name;  ///< of the member whose value comes next
    int name_line = 0;
    bool has_name = false;
    bool is_name = false;  ///< this list or map stands where a name belongs
  };

  static std::shared_ptr<YamlNode> leaf(YamlNode::Kind kind, const YAML::Mark& mark,
                                        const std::string& text) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line = mark.line + 1;
    node->text = text;
    return node;
  }

  void complain(const YAML::Mark& mark, std::string message) {
    mistakes_.push_back({mark.line + 1, std::move(message)});
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    const bool is_standard =
        tag.empty() || tag == "?" || tag == "!" || tag.rfind("tag:yaml.org,2002:", 0) == 0;
    if (!is_standard) complain(mark, fmt::format("the tag '{}' means nothing here", tag));
  }

  bool expects_name() const {
    return !stack_.empty() && stack_.back().node->kind == YamlNode::Kind::kMap &&
           !stack_.back().has_name;
  }

  bool take_as_name(const std::string& text, const YAML::Mark& mark) {
    if (!expects_name()) return false;
    stack_.back().name = text;
    stack_.back().name_line = mark.line + 1;
    stack_.back().has_name = true;
    return true;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(mark, tag);
    const bool is_name = expects_name();
    if (is_name) complain(mark, "a key must be plain text");
    Open& opened = stack_.emplace_back();
    opened.node = leaf(kind, mark, {});
    opened.anchor = anchor;
    opened.is_name = is_name;
  }

  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    if (done.is_name) {
      stack_.back().has_name = true;
      stack_.back().name.clear();
    } else {
      add(std::move(done.node), done.anchor);
    }
  }

  void add(std::shared_ptr<const YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node->kind == YamlNode::Kind::kList) {
      parent.node->items.push_back(std::move(node));
      return;
    }
    parent.has_name = false;
    auto& lines = name_lines_[parent.node.get()];
    const auto [first, is_new] = lines.emplace(parent.name, parent.name_line);
    if (is_new) {
      parent.node->members.push_back({std::move(parent.name), parent.name_line, std::move(node)});
    } else {
      mistakes_.push_back(
          {parent.name_line,
           fmt::format("the key '{}' was given before, at line {}", parent.name, first->second)});
    }
  }

  std::vector<YamlMistake>& mistakes_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::shared_ptr<const YamlNode>> anchors_;
  std::map<const YamlNode*, std::map<std::string, int>> name_lines_;
  std::shared_ptr<const YamlNode> root_;
};

/// The first line that is indented by a tab; 0 when there is none.
int tab_line(std::string_view text) {
  int line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    const auto word = text.find_first_not_of(" \t", start);
    if (text.substr(start, word - start).find('\t') != std::string_view::npos) return line;
    const auto end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    start = end + 1;
  }
  return 0;
}

std::string explain(const YAML::Exception& error, std::string_view text) {
  std::string message =
      fmt::format("this is no YAML: {} (column {})", error.msg, error.mark.column + 1);
  // The parser often stumbles later, over something else.
  if (const int line = tab_line(text); line > 0)
    message += fmt::format("; line {} is indented by a tab, use blanks", line);
  return message;
}

}  // namespace

std::string_view YamlNode::kind_name() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "a single value";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      break;
  }
  return "a section";
}

YamlDocument read_yaml(std::string_view text) {
  YamlDocument document;
  if (text.size() > kTextMax) {
    document.mistakes.push_back(
        {0, fmt::format("the file has {} bytes; at most {} are read", text.size(), kTextMax)});
    return document;
  }
  document.mistakes = check_characters(text);
  if (!document.mistakes.empty()) return document;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(document.mistakes);
    if (parser.HandleNextDocument(builder)) document.root = builder.root();
    std::vector<YamlMistake> ignored;
    TreeBuilder further(ignored);
    if (document.root && parser.HandleNextDocument(further) && further.root())
      document.mistakes.push_back({further.root()->line,
                                   "a second document begins here; one file is "
                                   "one document"});
  } catch (const YAML::Exception& error) {
    document.root = nullptr;
    document.mistakes.push_back(
        {error.mark.is_null() ? 0 : error.mark.line + 1, explain(error, text)});
  }
  return document;
}

}  // namespace tenure::core
