export default function NewExperimentPage() {
  return <h1>New experiment</h1>;
}
