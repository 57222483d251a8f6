/*
 * The four functions of gst-nvdssr.h: linked, or with -DDLOPEN looked up at run time in the library
 * that is named. Valid C11 and C++17. What is done with them is left to the programs.
 */
#ifndef LIBRARY_H_
#define LIBRARY_H_

#include <gst-nvdssr.h>

#ifdef DLOPEN
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  NvDsSRStatus (*create)(NvDsSRContext** ctx, NvDsSRInitParams* params);
  NvDsSRStatus (*start)(NvDsSRContext* ctx, NvDsSRSessionId* id, guint start, guint duration,
                        gpointer user_data);
  NvDsSRStatus (*stop)(NvDsSRContext* ctx, NvDsSRSessionId id);
  NvDsSRStatus (*destroy)(NvDsSRContext* ctx);
} Library;

static Library library;
static void* library_handle;

#define NvDsSRCreate library.create
#define NvDsSRStart library.start
#define NvDsSRStop library.stop
#define NvDsSRDestroy library.destroy

static gboolean library_symbol(const char* name, void* function) {
  void* symbol = dlsym(library_handle, name);
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return FALSE;
  }
  /* Not a cast: ISO C knows none from a pointer to data to one to a function. */
  memcpy(function, &symbol, sizeof symbol);
  return TRUE;
}

/* Looks the functions up in a library file. */
static gboolean library_open(const char* file) {
  library_handle = file != NULL ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (library_handle == NULL) {
    fprintf(stderr, "cannot load a library: %s\n", file != NULL ? dlerror() : "none is named");
    return FALSE;
  }
  return library_symbol("NvDsSRCreate", &library.create) &&
         library_symbol("NvDsSRStart", &library.start) &&
         library_symbol("NvDsSRStop", &library.stop) &&
         library_symbol("NvDsSRDestroy", &library.destroy);
}

/* The program does without it from here on. */
static void library_close(void) { dlclose(library_handle); }
#else
static gboolean library_open(const char* file) {
  (void)file; /* The linker has done it. */
  return TRUE;
}

static void library_close(void) {}
#endif

#endif
