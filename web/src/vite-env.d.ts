/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Where the API and the socket are, when not where the page comes from: https://chat.example.org */
  readonly VITE_API_BASE_URL?: string;
}
