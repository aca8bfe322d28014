#include "api/docs/swagger_assets.h"

// The assembler copies the files into the object file: no C++ array to compile. The build defines
// TENURE_SWAGGER_UI_DIR.
__asm__(
    ".section .rodata\n"
    ".global tenure_swagger_css_begin\n"
    ".global tenure_swagger_css_end\n"
    ".global tenure_swagger_js_begin\n"
    ".global tenure_swagger_js_end\n"
    "tenure_swagger_css_begin:\n"
    ".incbin \"" TENURE_SWAGGER_UI_DIR
    "/swagger-ui.css\"\n"
    "tenure_swagger_css_end:\n"
    "tenure_swagger_js_begin:\n"
    ".incbin \"" TENURE_SWAGGER_UI_DIR
    "/swagger-ui-bundle.js\"\n"
    "tenure_swagger_js_end:\n"
    ".byte 0\n"
    ".section .text\n");

// NOLINTBEGIN(readability-identifier-naming): symbols of the assembler
extern "C" {
extern const char tenure_swagger_css_begin[];
extern const char tenure_swagger_css_end[];
extern const char tenure_swagger_js_begin[];
extern const char tenure_swagger_js_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace tenure::api {

std::string_view swagger_css() {
  return {tenure_swagger_css_begin,
          static_cast<std::size_t>(tenure_swagger_css_end - tenure_swagger_css_begin)};
}

std::string_view swagger_js() {
  return {tenure_swagger_js_begin,
          static_cast<std::size_t>(tenure_swagger_js_end - tenure_swagger_js_begin)};
}

}  // namespace tenure::api
