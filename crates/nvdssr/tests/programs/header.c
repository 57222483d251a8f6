/* The header by itself: nothing before it, and twice. C11 and C++17. */
#include <gst-nvdssr.h>
#include <gst-nvdssr.h>

int main(void) { return NVDSSR_STATUS_OK; }
