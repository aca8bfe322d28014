// The code base tested as data: who may include what. Reads the graph that CMake writes
// (domain_graph.txt), the table of third-party headers (third_party.txt) and every #include below
// src/.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path kSources = fs::path(TENURE_SOURCE_DIR) / "src";

struct Include {
  std::string file;  // relative to src/
  int line;
  std::string header;
  bool is_own;  // "..." rather than <...>
  std::string where() const { return "src/" + file + ":" + std::to_string(line) + ": "; }
};

std::vector<Include> all_includes() {
  static const std::regex kInclude(R"re(^\s*#\s*include\s+(["<])([^">]+)[">])re");
  std::vector<Include> found;
  for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    std::ifstream in(entry.path());
    std::string text;
    for (int line = 1; std::getline(in, text); ++line) {
      std::smatch match;
      if (!std::regex_search(text, match, kInclude)) continue;
      found.push_back({fs::relative(entry.path(), kSources).generic_string(), line, match[2],
                       match[1] == "\""});
    }
  }
  return found;
}

std::string domain_of(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}

std::map<std::string, std::set<std::string>> declared_graph() {
  std::ifstream in(TENURE_GRAPH_FILE);
  std::map<std::string, std::set<std::string>> graph;
  std::string line;
  while (std::getline(in, line)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream rest(line.substr(colon + 1));
    auto& edges = graph[line.substr(0, colon)];
    for (std::string edge; rest >> edge;) edges.insert(edge);
  }
  return graph;
}

struct Rule {
  std::string prefix;
  std::vector<std::string> allowed;
};

std::vector<Rule> third_party_rules() {
  std::ifstream in(fs::path(TENURE_SOURCE_DIR) / "tests/architecture/third_party.txt");
  std::vector<Rule> rules;
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Rule rule;
    words >> rule.prefix;
    for (std::string path; words >> path;) rule.allowed.push_back(path);
    rules.push_back(rule);
  }
  return rules;
}

bool is_allowed(const std::string& file, const std::vector<std::string>& places) {
  return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
    if (place.front() == '*') return file.ends_with(place.substr(1));
    return file.starts_with(place);
  });
}

TEST(Layering, EveryDomainIncludesOnlyWhatItDeclares) {
  const auto graph = declared_graph();
  ASSERT_FALSE(graph.empty()) << TENURE_GRAPH_FILE;
  for (const Include& include : all_includes()) {
    if (!include.is_own) continue;
    const std::string from = domain_of(include.file);
    const std::string to = domain_of(include.header);
    if (from == to) continue;
    ASSERT_TRUE(graph.contains(from)) << include.where() << "no such domain";
    EXPECT_TRUE(graph.at(from).contains(to))
        << include.where() << from << " may not include " << include.header;
  }
}

TEST(Layering, OwnHeadersExistAndAreNamedFromTheSourceRoot) {
  for (const Include& include : all_includes()) {
    if (!include.is_own) continue;
    EXPECT_TRUE(fs::exists(kSources / include.header)) << include.where() << include.header;
  }
}

TEST(Layering, TheGraphHasNoCycle) {
  const auto graph = declared_graph();
  std::map<std::string, int> state;  // 1 = on the path, 2 = done
  std::function<void(const std::string&)> visit = [&](const std::string& domain) {
    state[domain] = 1;
    for (const std::string& next : graph.at(domain)) {
      ASSERT_TRUE(graph.contains(next))
          << domain << " depends on " << next << ", which is no domain";
      ASSERT_NE(state[next], 1) << "a cycle goes through " << domain << " and " << next;
      if (state[next] == 0) visit(next);
    }
    state[domain] = 2;
  };
  for (const auto& [domain, edges] : graph)
    if (state[domain] == 0) visit(domain);
}

TEST(Layering, ThirdPartyHeadersStayInTheirPlace) {
  const auto rules = third_party_rules();
  ASSERT_FALSE(rules.empty());
  for (const Include& include : all_includes()) {
    if (include.is_own) continue;
    for (const Rule& rule : rules) {
      if (!include.header.starts_with(rule.prefix)) continue;
      EXPECT_TRUE(is_allowed(include.file, rule.allowed))
          << include.where() << "<" << include.header
          << "> belongs elsewhere; see tests/architecture/third_party.txt";
    }
  }
}

TEST(Layering, EveryDomainHasAReadme) {
  for (const auto& [domain, edges] : declared_graph())
    EXPECT_TRUE(fs::exists(kSources / domain / "README.md")) << "src/" << domain;
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Version, IsTheSameInCMakeAndInTheProgram) {
  std::smatch cmake;
  std::smatch program;
  const std::string build = read_text(fs::path(TENURE_SOURCE_DIR) / "CMakeLists.txt");
  const std::string header = read_text(kSources / "app/version.h");
  ASSERT_TRUE(std::regex_search(build, cmake, std::regex(R"(project\(tenure VERSION ([0-9.]+))")));
  ASSERT_TRUE(std::regex_search(header, program, std::regex(R"re(kVersion = "([0-9.]+)")re")));
  EXPECT_EQ(cmake[1], program[1]);
}

TEST(Layering, NoDumpingGrounds) {
  static const std::regex kBanned(R"((^|_)(utils?|helpers?|misc|common|manager)(_|\.|$))");
  for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
    const std::string name = entry.path().filename();
    EXPECT_FALSE(std::regex_search(name, kBanned))
        << entry.path() << ": name it by the noun it holds";
  }
}

}  // namespace
