/* The header by itself: nothing before it, and twice. C11 and C++17. */
/* clang-format off */
#include <gst-nvdssr.h>
#include <gst-nvdssr.h>
/* clang-format on */

int main(void) { return NVDSSR_STATUS_OK; }
