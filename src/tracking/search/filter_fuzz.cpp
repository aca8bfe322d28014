// libFuzzer target: any text is a filter and an order in every language, or an error with a reason.
// Seeds: corpus/filter.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tracking/search/page_token.h"
#include "tracking/search/vocabulary.h"

namespace {

using namespace tenure::tracking;

template <class T>
void expect_reason(const tenure::core::Result<T>& result) {
  if (!result && result.error().message.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::array<std::string, 1> order = {text};
  for (const SearchLanguage language :
       {SearchLanguage::kRuns, SearchLanguage::kExperiments, SearchLanguage::kRegisteredModels,
        SearchLanguage::kModelVersions, SearchLanguage::kLoggedModels}) {
    expect_reason(read_filter(text, language));
    expect_reason(read_order_by(order, language));
  }
  expect_reason(read_page_token(text));
  return 0;
}
